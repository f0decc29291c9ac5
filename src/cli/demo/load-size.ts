import { InvalidArgumentError } from 'commander';
import type { LoadSize } from './workloads.ts';

/** Each service has a consumer with a connection of its own, and Consul takes 200 from one address. */
export const mostServices = 100;
/** Everything runs in this process, the cluster included. */
export const mostPods = 5_000;
const podsPerService = 10;

/** Reads a flag: a whole number from 1 to `most`. */
export function countUpTo(most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    if (count >= 1 && count <= most) return count;
    throw new InvalidArgumentError(`Write a whole number from 1 to ${most}.`);
  };
}

/** What the flags ask for; a string says what is wrong with them together. */
export function loadSize(services: number | undefined, pods: number | undefined): LoadSize | string {
  if (services === undefined && pods === undefined) return { services: 0, pods: 0 };
  const count = services ?? Math.min(mostServices, Math.ceil(pods! / podsPerService));
  const size = { services: count, pods: pods ?? count * podsPerService };
  if (size.pods >= size.services) return size;
  return `${size.services} services need at least as many pods, not ${size.pods}`;
}
