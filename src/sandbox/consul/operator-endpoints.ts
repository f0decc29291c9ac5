import type { Handler, Route } from './core.ts';
import { HttpError, json, tokenOf } from './http.ts';
import { metaHeaders } from './read-endpoint.ts';

/** Snapshots hold everything, so they need the right to manage ACLs. */
const snapshot: Handler = (core, request) => {
  core.acl.resolve(tokenOf(request)).requireAcl('write');
  if (request.method === 'PUT') {
    try {
      core.restore(request.body);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new HttpError(500, `failed to decompress snapshot: ${reason}`);
    }
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: '' };
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/x-gzip', ...metaHeaders(core.store.raftIndex, false, {}) },
    body: core.snapshot(),
  };
};

/** Address of the leader, empty when there is none. */
const leader: Handler = (core) => json(core.hasLeader() ? `${core.agent.node.Address}:8300` : '');

const peers: Handler = (core) => json([`${core.agent.node.Address}:8300`]);

export const operatorRoutes: readonly Route[] = [
  { methods: ['GET', 'PUT'], path: '/v1/snapshot', handler: snapshot },
  { methods: ['GET'], path: '/v1/status/leader', handler: leader, local: true },
  { methods: ['GET'], path: '/v1/status/peers', handler: peers, local: true },
];
