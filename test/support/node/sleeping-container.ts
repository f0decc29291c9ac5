/** Starts a container and waits to be killed; for the test of how a run ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { Containerd } from './containerd.ts';
import { packBusybox } from './images.ts';
import { makeControlGroup } from './world.ts';

const containerd = await Containerd.create('sleeping');
await containerd.server.start();
await containerd.ctr('images', 'import', await packBusybox('test/sleeping:1', {}));
const group = await makeControlGroup('sleeping');
const image = 'docker.io/test/sleeping:1';
await containerd.ctr(
  'run',
  '--detach',
  '--cgroup',
  `${group}/container`,
  image,
  'sleeping',
  '/bin/sleep',
  '987654',
);
console.log('running');
await delay(600_000);
