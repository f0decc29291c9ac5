import type { CheckStatus } from '../../src/model/check.ts';
import { ServiceCounts } from '../../src/reconcile/service-counts.ts';
import type { Reading } from '../../src/server/reading.ts';
import { anObserved } from './observed-nodes.ts';
import { sampleReading } from './sample-reading.ts';

const nodeCount = 500;
const instancesOfNode = 100;
const serviceCount = 2_000;
/** One of so many instances is critical. */
const criticalEvery = 5_000;

/** 2,000 services with 50,000 instances on 500 nodes, ten of them critical, after an hour. */
export function bigReading(): Reading {
  const nodes = Array.from({ length: nodeCount }, (_, at) => {
    const services: Record<string, CheckStatus[]> = {};
    for (let index = 0; index < instancesOfNode; index += 1) {
      const number = at * instancesOfNode + index;
      services[`service-${String(number % serviceCount).padStart(4, '0')}`] = [
        number % criticalEvery === 0 ? 'critical' : 'passing',
      ];
    }
    return anObserved(`east-node-${String(at).padStart(3, '0')}`, services);
  });
  const [change] = sampleReading.changes;
  return {
    ...sampleReading,
    nodes,
    services: new ServiceCounts(() => nodes).now,
    changes: Array.from({ length: 200 }, () => change!),
    history: Array.from({ length: 240 }, (_, at) => ({
      at: sampleReading.wall - (239 - at) * 14_987,
      p50: at % 17 === 0 ? undefined : 20 + (at % 7),
      p99: at % 17 === 0 ? undefined : 40 + (at % 31),
      writes: at % 11,
      passing: 49_990 - (at % 13),
      warning: 0,
      critical: 10 + (at % 13),
      waiting: at % 5,
      oldestMs: (at % 5) * 100,
    })),
  };
}
