import { after, before, describe } from 'node:test';
import { acls } from './consul/acl.ts';
import { agent } from './consul/agent.ts';
import { catalog } from './consul/catalog.ts';
import { consulClient } from './consul/client.ts';
import { clientAgent } from './consul/client-agent.ts';
import { health } from './consul/health.ts';
import { kvAndSessions } from './consul/kv-and-sessions.ts';
import { snapshots } from './consul/snapshot.ts';
import type { ConsulUnderTest } from './consul/subject.ts';
import { txn } from './consul/txn.ts';
import { wakeUps } from './consul/wake-ups.ts';

export interface StartOptions {
  /** ACLs on, deny by default. Default off. */
  readonly acl?: boolean;
}

/**
 * Registers the tests of what a Consul does, for one way to get one. Every server the project trusts must
 * pass it: the in-memory one in process and behind a socket, and the real one. `start` is called once with
 * and once without ACLs.
 */
export function consulContract(
  name: string,
  start: (options: StartOptions) => Promise<ConsulUnderTest>,
): void {
  suite(name, {}, start, (subject) => {
    catalog(subject);
    health(subject);
    wakeUps(subject);
    txn(subject);
    kvAndSessions(subject);
    agent(subject);
    clientAgent(subject);
    consulClient(subject);
    snapshots(subject);
  });
  suite(`${name}, with ACLs`, { acl: true }, start, acls);
}

function suite(
  name: string,
  options: StartOptions,
  start: (options: StartOptions) => Promise<ConsulUnderTest>,
  register: (subject: () => ConsulUnderTest) => void,
): void {
  describe(name, () => {
    let subject: ConsulUnderTest;
    before(async () => {
      subject = await start(options);
    });
    after(() => subject[Symbol.asyncDispose]());
    register(() => subject);
  });
}
