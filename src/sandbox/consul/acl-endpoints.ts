import type { AclToken } from './acl.ts';
import type { AclRules } from './authorizer.ts';
import { decodeBody } from './catalog-registration.ts';
import type { Core, Handler, Route } from './core.ts';
import { anything, flag, listOf, mapOf, optional, struct, text } from './decode.ts';
import { HttpError, json, tokenOf } from './http.ts';
import { metaHeaders } from './read-endpoint.ts';

function requireAcls({ acl }: Core): void {
  if (!acl.enabled) throw new HttpError(401, 'ACL support disabled');
}

function tokenJson(core: Core, token: AclToken): Record<string, unknown> {
  return {
    AccessorID: token.AccessorID,
    SecretID: token.SecretID,
    Description: token.Description,
    Policies: token.policies.map((name) => ({ ID: core.acl.policy(name)?.ID ?? '', Name: name })),
    Local: token.authMethod !== undefined,
    ...(token.authMethod === undefined ? {} : { AuthMethod: token.authMethod }),
    ...(token.expires === undefined ? {} : { ExpirationTime: new Date(token.expires).toISOString() }),
    CreateTime: new Date(token.created).toISOString(),
    Hash: '',
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

const self: Handler = (core, request) => {
  requireAcls(core);
  const token = core.acl.token(tokenOf(request));
  if (token === undefined)
    throw new HttpError(
      403,
      tokenOf(request) === '' ? 'token does not exist: ACL not found' : 'ACL not found',
    );
  return json(tokenJson(core, token), metaHeaders(core.store.raftIndex, false, {}));
};

const loginBody = struct({ AuthMethod: text, BearerToken: text, Meta: mapOf(text) });

const login: Handler = (core, request) => {
  requireAcls(core);
  const { AuthMethod, BearerToken } = decodeBody(request, loginBody);
  return json(tokenJson(core, core.acl.login(AuthMethod, BearerToken)));
};

const logout: Handler = (core, request) => {
  requireAcls(core);
  const secret = tokenOf(request);
  if (secret === '') throw new HttpError(401, 'Supplied token does not exist');
  const token = core.acl.token(secret);
  if (token === undefined) throw new HttpError(403, 'ACL not found');
  if (token.authMethod === undefined)
    throw new HttpError(403, "Permission denied: token wasn't created via login");
  core.acl.revoke(secret);
  return json(true);
};

const policyBody = struct({
  ID: text,
  Name: text,
  Description: text,
  Rules: text,
  Datacenters: listOf(text),
});

/** Rules are taken in their JSON form only; Consul also reads HCL. */
const createPolicy: Handler = (core, request) => {
  requireAcls(core);
  const { Name, Rules } = decodeBody(request, policyBody);
  core.acl.resolve(tokenOf(request)).requireAcl('write');
  let rules: AclRules;
  try {
    rules = JSON.parse(Rules === '' ? '{}' : Rules) as AclRules;
  } catch {
    throw new HttpError(400, 'the sandbox reads ACL rules in their JSON form only');
  }
  const policy = core.acl.setPolicy(Name, rules, Rules);
  return json({ ID: policy.ID, Name, Description: '', Rules, Hash: '', CreateIndex: 0, ModifyIndex: 0 });
};

const link = struct({ ID: text, Name: text });
const tokenBody = struct({
  AccessorID: text,
  SecretID: text,
  Description: text,
  Policies: listOf(link),
  Local: flag,
  ExpirationTTL: anything,
  Roles: optional(listOf(link)),
});

const createToken: Handler = (core, request) => {
  requireAcls(core);
  const { SecretID, Description, Policies } = decodeBody(request, tokenBody);
  core.acl.resolve(tokenOf(request)).requireAcl('write');
  const policies = (Policies ?? []).map(({ Name }) => Name);
  const unknown = policies.find((name) => core.acl.policy(name) === undefined);
  if (unknown !== undefined) throw new HttpError(500, `No such ACL policy with name "${unknown}"`);
  return json(
    tokenJson(core, core.acl.createToken({ policies, secret: SecretID, description: Description })),
  );
};

/** Deleting a token nobody has is no error. */
const deleteToken: Handler = (core, request, accessorId) => {
  requireAcls(core);
  core.acl.resolve(tokenOf(request)).requireAcl('write');
  core.acl.revokeAccessor(accessorId);
  return json(true);
};

export const aclRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/v1/acl/token/self', handler: self },
  { methods: ['POST'], path: '/v1/acl/login', handler: login },
  { methods: ['POST'], path: '/v1/acl/logout', handler: logout },
  { methods: ['PUT'], path: '/v1/acl/policy', handler: createPolicy },
  { methods: ['PUT'], path: '/v1/acl/token', handler: createToken },
  { methods: ['DELETE'], path: '/v1/acl/token/', handler: deleteToken },
];
