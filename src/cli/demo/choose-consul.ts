import { ConfigError } from '../../config/config-error.ts';
import { consulAddress } from '../../config/consul-address.ts';
import type { Environment } from '../../config/environment.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import { startConsul } from './consul-process.ts';
import type { ConsulTarget } from './consul-target.ts';
import { memoryTarget } from './memory-target.ts';
import { realTarget } from './real-target.ts';

export interface ConsulChoice {
  /** `--consul`: the origin of a running Consul; true: the one that CONSUL_HTTP_ADDR names. */
  readonly address?: string | true | undefined;
  /** `--consul-binary`: a program to start; true: CONSUL_BIN, or `consul` on the path. */
  readonly binary?: string | true | undefined;
  /** Whether other programs need to reach it. */
  readonly keep: boolean;
}

/**
 * The Consul that the flags ask for: a running one, one to be started, or the one in memory. The environment alone
 * never chooses a running one: the variable is often set, and others use that Consul. Rejects with ConfigError, and
 * when a real one does not answer.
 */
export async function chooseConsul(
  { address, binary, keep }: ConsulChoice,
  environment: Environment,
  signal: AbortSignal,
): Promise<ConsulTarget> {
  const [clock, random] = [systemClock, systemRandom];
  if (binary !== undefined) {
    const program = binary === true ? environment['CONSUL_BIN'] || 'consul' : binary;
    return ownConsul(program, clock, random, signal);
  }
  const isSet = (environment['CONSUL_HTTP_ADDR'] ?? '') !== '';
  if (address === undefined) {
    const target = await memoryTarget({ clock, random, listen: keep });
    const unused = isSet ? ' CONSUL_HTTP_ADDR is not used without --consul.' : '';
    return { ...target, notice: `${target.notice}${unused}` };
  }
  if (address === true) {
    if (!isSet) throw new ConfigError(['flag --consul: name the URL, or set CONSUL_HTTP_ADDR']);
    return realTarget({ address: undefined, environment, clock, random }, signal);
  }
  const { error } = consulAddress.safeParse(address);
  if (error !== undefined) throw new ConfigError([`flag --consul: ${error.issues[0]?.message}`]);
  return realTarget({ address, environment, clock, random }, signal);
}

/**
 * A real Consul for the demo alone, which ends with it: service names need no prefix, and there is nothing to
 * clean up.
 */
async function ownConsul(
  program: string,
  clock: Clock,
  random: Random,
  signal: AbortSignal,
): Promise<ConsulTarget> {
  const consul = await startConsul(program, clock, signal);
  try {
    const target = await realTarget({ address: consul.origin, environment: {}, clock, random }, signal);
    return {
      ...target,
      label: `(dev agent, ${consul.origin})`,
      notice: `Consul is a dev agent at ${consul.origin}, which stops with the demo.`,
      prefix: '',
      async cleanUp() {},
      async [Symbol.asyncDispose]() {
        await target[Symbol.asyncDispose]();
        await consul[Symbol.asyncDispose]();
      },
    };
  } catch (thrown) {
    await consul[Symbol.asyncDispose]();
    throw thrown;
  }
}
