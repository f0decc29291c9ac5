import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type * as z from 'zod';
import { describe as describeError, RegistrarError } from '../lib/errors.ts';
import { checksAnswer, nodeServicesAnswer, nodesAnswer, txnResults } from './hot-answers.ts';
import {
  checked,
  checksSchema,
  nodeServicesSchema,
  nodesSchema,
  serviceSchema,
  txnCommittedSchema,
} from './schemas.ts';

/** What no server sends, at whatever place. */
const hostile = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', 'text', 0, -0, -1, 1.5, 2 ** 53, [], {}, [null], [[]]),
  fc.constantFrom<unknown>([1], { a: 1 }, { a: null }, { a: {} }, JSON.parse('{"__proto__": "x", "a": "b"}')),
  fc.constantFrom<unknown>({ constructor: 'x', toString: 'y' }, JSON.parse('{"__proto__": {"Port": 1}}')),
  fc.jsonValue({ maxDepth: 2 }),
);

const index = fc.nat();
const texts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });
const strings = fc.array(fc.string(), { maxLength: 3 });
const port = fc.integer({ min: -1, max: 65_536 });

/** What comes close. */
const odd = fc.constantFrom<unknown>(-1, 1.5, 2 ** 53, '', JSON.parse('{"__proto__": "x"}'));

/** An object of these fields: each may be null or hostile, those that may be missing are at times, others are there. */
function mostly(
  needed: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  others: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<unknown> {
  const all: Record<string, fc.Arbitrary<unknown>> = { Unknown: hostile };
  for (const [key, good] of Object.entries({ ...needed, ...others })) {
    all[key] = fc.oneof(
      { arbitrary: good, weight: 120 },
      { arbitrary: fc.constant(null), weight: 2 },
      { arbitrary: odd, weight: 3 },
      { arbitrary: hostile, weight: 2 },
    );
  }
  return fc.record(all, { requiredKeys: Object.keys(needed) });
}

const node = mostly(
  { Node: fc.string({ minLength: 1 }), CreateIndex: index, ModifyIndex: index },
  { Address: fc.string(), TaggedAddresses: texts, Meta: texts },
);
const service = mostly(
  { ID: fc.string({ minLength: 1 }), Service: fc.string(), ModifyIndex: index },
  {
    Tags: strings,
    Address: fc.string(),
    Port: port,
    Ports: fc.array(mostly({ Port: port }, { Default: fc.boolean() }), { maxLength: 3 }),
    Meta: texts,
    TaggedAddresses: fc.dictionary(fc.string(), mostly({ Port: port }, { Address: fc.string() }), {
      maxKeys: 2,
    }),
    Weights: mostly({ Passing: port, Warning: port }, {}),
  },
);
const check = mostly(
  { CheckID: fc.string({ minLength: 1 }), Status: fc.string(), ModifyIndex: index },
  {
    Name: fc.string(),
    Type: fc.string(),
    Output: fc.string(),
    Notes: fc.string(),
    ServiceID: fc.string(),
    ServiceName: fc.string(),
    ServiceTags: strings,
  },
);
const result = mostly(
  {},
  {
    KV: mostly({ Key: fc.string(), ModifyIndex: index }, {}),
    Node: node,
    Service: service,
    Check: check,
  },
);

const few = (each: fc.Arbitrary<unknown>) => fc.oneof(fc.array(each, { maxLength: 2 }), hostile);

const answers: readonly {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly byHand: (value: unknown, what: string) => unknown;
  readonly given: fc.Arbitrary<unknown>;
}[] = [
  { name: 'nodes', schema: nodesSchema, byHand: nodesAnswer, given: few(node) },
  { name: 'checks', schema: checksSchema, byHand: checksAnswer, given: few(check) },
  {
    name: 'node and services',
    schema: nodeServicesSchema,
    byHand: nodeServicesAnswer,
    given: fc.oneof(mostly({ Services: few(service) }, { Node: node }), hostile),
  },
  {
    name: 'results of a transaction',
    schema: txnCommittedSchema,
    byHand: (value, what) => ({ Results: txnResults(value, what) }),
    given: fc.oneof(mostly({ Results: few(result) }, {}), hostile),
  },
];

type Outcome = { readonly value: unknown } | { readonly error: string };

function outcome(read: () => unknown): Outcome {
  try {
    return { value: read() };
  } catch (thrown) {
    const { code } = RegistrarError.from(thrown);
    return { error: `${code}: ${describeError(thrown)}` };
  }
}

describe('answers checked by hand', () => {
  for (const { name, schema, byHand, given } of answers) {
    test(`${name}: the same value as from the schema, or the same error`, () => {
      let good = 0;
      let bad = 0;
      fc.assert(
        fc.property(given, (value) => {
          // A copy for each: both may keep parts of it. As JSON, as every answer.
          const text = JSON.stringify(value);
          const expected = outcome(() => checked(schema, JSON.parse(text), 'GET /v1/x'));
          assert.deepEqual(
            outcome(() => byHand(JSON.parse(text), 'GET /v1/x')),
            expected,
          );
          if ('value' in expected) good += 1;
          else bad += 1;
        }),
        { numRuns: 3_000 },
      );
      // Both sides were tried.
      assert.ok(good > 300 && bad > 300, `${good} good, ${bad} bad`);
    });
  }

  test('an error names the field', () => {
    const entry = { CheckID: 'c', Status: 'passing', ModifyIndex: 1 };
    assert.throws(() => checksAnswer([entry, { ...entry, Output: 7 }], 'GET /v1/health/node/n'), {
      code: 'protocol',
      message: /^GET \/v1\/health\/node\/n: 1\.Output: /,
    });
    const Service = { ID: 's', Service: 'web', Meta: { a: null }, ModifyIndex: 1 };
    assert.throws(() => txnResults({ Results: [{ Service }] }, 'PUT /v1/txn'), {
      code: 'protocol',
      message: /^PUT \/v1\/txn: Results\.0\.Service\.Meta\.a: /,
    });
  });

  test('a good answer is not read by the schema, which would copy it', () => {
    const Node = { Node: 'N', Meta: { a: 'b' }, CreateIndex: 1, ModifyIndex: 2 };
    const Service = { ID: 's', Service: 'web', Tags: ['t'], Meta: { a: 'b' }, ModifyIndex: 3 };
    const Check = { CheckID: 'c', Status: 'passing', ServiceTags: ['t'], ModifyIndex: 4 };
    assert.equal(nodesAnswer([Node], '')[0]?.Meta, Node.Meta);
    assert.equal(checksAnswer([Check], '')[0]?.ServiceTags, Check.ServiceTags);
    const there = nodeServicesAnswer({ Node, Services: [Service] }, '');
    assert.equal(there?.Node?.Meta, Node.Meta);
    assert.equal(there?.Services[0]?.Tags, Service.Tags);
    const [first, second] = txnResults({ Results: [{ Service }, { Check }] }, '');
    assert.equal(first?.Service?.Meta, Service.Meta);
    assert.equal(second?.Check?.ServiceTags, Check.ServiceTags);
    assert.notEqual(serviceSchema.parse(Service).Meta, Service.Meta);
  });
});
