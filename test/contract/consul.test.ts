import { inProcess, overHttp } from './consul/in-memory.ts';
import { consulContract } from './consul-contract.ts';

consulContract('in-memory Consul in process', inProcess);
consulContract('in-memory Consul over HTTP', overHttp);
