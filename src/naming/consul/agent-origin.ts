import { NamingError } from '../naming-error.ts';

/** The origin of an address: `host:port` is `http://host:port`. Throws `invalid` for anything else. */
export function agentOrigin(address: string): string {
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The text before an @ or after a ? may be a secret.
    const shown = /[@?]/.test(address) ? 'an address' : `address ${JSON.stringify(address)}`;
    throw new NamingError('invalid', `${shown} is not a URL of an agent; write it like http://host:port`);
  }
  if (url.username + url.password !== '') {
    throw new NamingError('invalid', 'an address carries a user or password; use `token`');
  }
  if (url.pathname !== '/' || url.search + url.hash !== '') {
    throw new NamingError('invalid', `an address has a path, query or fragment; write only "${url.origin}"`);
  }
  return url.origin;
}
