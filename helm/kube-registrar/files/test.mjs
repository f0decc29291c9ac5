/**
 * `helm test`: says what is wrong with an installation. Runs in the operator's image, under its account and
 * with its configuration. Exit code 0 when all is well.
 *
 * Environment: OPERATOR_URL, PROGRAM (a JSON list, how to start kube-registrar), CONFIG, RULES (a JSON list of
 * {namespace, rule}).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const { env } = process;
let failed = false;

function report(what, mistakes) {
  if (mistakes.length > 0) failed = true;
  console.log(`${mistakes.length === 0 ? 'ok  ' : 'FAIL'} ${what}`);
  for (const mistake of mistakes) console.log(`     ${mistake}`);
}

async function health() {
  for (const path of ['/healthz', '/readyz']) {
    try {
      const response = await fetch(env.OPERATOR_URL + path, { signal: AbortSignal.timeout(10_000) });
      const text = (await response.text()).trim();
      report(`${path} of the operator`, response.ok ? [] : text.split('\n'));
    } catch (error) {
      const why = error.cause?.message ?? error.message;
      report(`${path} of the operator`, [
        `${env.OPERATOR_URL} does not answer: ${why}`,
        'look at the pods, their log, and NetworkPolicies in the way',
      ]);
    }
  }
}

/** Asks the API server whether this account may do what each rule says. */
async function rights() {
  const missing = [];
  for (const { namespace, rule } of JSON.parse(env.RULES)) {
    for (const group of rule.apiGroups) {
      for (const path of rule.resources) {
        for (const verb of rule.verbs) {
          const [resource, subresource] = path.split('/');
          const [name] = rule.resourceNames ?? [];
          const attributes = { group, resource, subresource, verb, name, namespace };
          const answer = await mayI(attributes);
          const where = namespace ? ` in namespace ${namespace}` : '';
          if (answer !== true) {
            missing.push(
              `${verb} ${path}${group ? `.${group}` : ''}${name ? ` "${name}"` : ''}${where}: ${answer}`,
            );
          }
        }
      }
    }
  }
  report('rights in Kubernetes', missing);
}

function mayI(resourceAttributes) {
  const directory = '/var/run/secrets/kubernetes.io/serviceaccount';
  // As every client in a pod finds it; the name kubernetes.default.svc would need DNS.
  const host = env.KUBERNETES_SERVICE_HOST;
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT}`;
  const body = JSON.stringify({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  });
  const options = {
    method: 'POST',
    ca: readFileSync(`${directory}/ca.crt`),
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${readFileSync(`${directory}/token`, 'utf8').trim()}`,
    },
    timeout: 10_000,
  };
  return new Promise((resolve) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const asked = request(server + path, options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode !== 201) return resolve(`the API server answered ${response.statusCode}`);
      resolve(JSON.parse(text).status.allowed ? true : 'not allowed; compare the roles with the chart');
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')));
    asked.on('error', (error) => resolve(`the API server cannot be asked: ${error.message}`));
    asked.end(body);
  });
}

/**
 * `plan` reads the cluster and Consul with everything the configuration says about them, asks Consul whether it
 * would take what is wanted, and writes nothing.
 */
async function consul() {
  const [program, ...args] = JSON.parse(env.PROGRAM);
  const child = spawn(program, [...args, 'plan', '--check-writes', '--config', env.CONFIG], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (errors += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  report('access to Consul', code === 0 || code === 2 ? [] : (errors || output).trim().split('\n'));
  if (code === 2) console.log(`     the plan:\n${output.replaceAll(/^/gm, '     ')}`);
}

await health();
await rights();
await consul();
process.exitCode = failed ? 1 : 0;
