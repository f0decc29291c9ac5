import { type Registration, registeredMeta } from '../registration.ts';

/**
 * The body of `PUT /v1/agent/service/register`. Consul raises DeregisterCriticalServiceAfter to its minimum
 * of one minute.
 */
export function agentRegistration(registration: Registration): object {
  const { id, name, address, port, tags = [], weight = 1 } = registration;
  const meta = registeredMeta(registration);
  const url = meta['health_url'];
  return {
    ID: id,
    Name: name,
    Address: address,
    Port: port,
    Tags: tags,
    Meta: meta,
    Weights: { Passing: weight, Warning: weight },
    ...(url === undefined
      ? {}
      : {
          Check: {
            CheckID: `${id}_normal`,
            Name: `${id}_normal`,
            HTTP: url,
            Interval: '10s',
            Timeout: '1s',
            DeregisterCriticalServiceAfter: '20s',
          },
        }),
  };
}
