import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, observed, readiness } from '../../test/support/entries.ts';
import { nodeCheck } from '../model/check.ts';
import { allPassing, isInService, withStatusOf, worst } from './health.ts';

const statuses = (...all: string[]) => all.map((status) => ({ status }));

describe('health', () => {
  test('the worst check counts, one of a status that Consul does not know is critical, none is passing', () => {
    assert.deepEqual(
      [[], ['passing'], ['warning', 'passing'], ['warning', 'critical'], ['passing', 'odd']].map((each) =>
        worst(statuses(...each)),
      ),
      ['passing', 'passing', 'warning', 'critical', 'critical'],
    );
    assert.deepEqual(
      [[], ['passing'], ['passing', 'warning'], ['odd']].map((each) => allPassing(statuses(...each))),
      [true, true, false, false],
    );
  });

  test('a node is in service unless our check on it is critical', () => {
    const node = (...checks: (typeof nodeCheck & { status: 'passing' | 'critical' })[]) =>
      observed({ ...entry([]), checks: checks.map((check) => ({ ...check, output: '' })) }, 1);
    assert.equal(isInService(node({ ...nodeCheck, status: 'passing' })), true);
    assert.equal(isInService(node({ ...nodeCheck, status: 'critical' })), false);
    assert.equal(isInService(node()), true);
  });

  test('a check with the status of another is never written with a status that Consul does not know', () => {
    const check = readiness('web-1');
    assert.deepEqual(withStatusOf({ status: 'odd', output: 'o' }, check), {
      ...check,
      status: 'critical',
      output: 'o',
    });
  });
});
