/** What packages load and the operator never uses: it stays out of the bundle, and so out of every operator's memory. */
import type { Plugin } from 'esbuild';

/** Modules that nothing is called of, by the file that loads them. They are empty in the bundle. */
const unused: readonly { readonly in: RegExp; readonly module: RegExp }[] = [
  // Other protocols than HTTP/1.1, which src/lib/http-transport.ts excludes.
  { in: /\/undici\/lib\/dispatcher\/client\.js$/, module: /^\.\/client-h2\.js$/ },
  // Workers of Node's cluster module, gateways that metrics are pushed to, and traces.
  { in: /\/prom-client\/index\.js$/, module: /^\.\/lib\/(cluster|pushgateway)$/ },
  { in: /\/prom-client\/lib\/metrics\/processCpuTotal\.js$/, module: /^@opentelemetry\/api$/ },
  // Logs written by another thread.
  { in: /\/pino\/lib\/transport\.js$/, module: /^thread-stream$/ },
  // The generated API, and proxies, which src/kube/kube-config.ts refuses.
  {
    in: /\/client-node\/dist\/config\.js$/,
    module: /^(\.\/gen\/index\.js|\.\/middleware\.js|socks|socks-proxy-agent|hpagent)$/,
  },
];

/** Modules of which a part is used, as that part. */
const parts: Readonly<Record<string, string>> = {
  // Its main file loads fetch, WebSocket, caches and mocks.
  undici: `
    const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
    Object.assign(Dispatcher.prototype, { request: require('undici/lib/api/api-request.js') });
    exports.Agent = require('undici/lib/dispatcher/agent.js');
  `,
  // Imported by a statement, it loads Node's fetch for the sake of its export WebSocket: 12 MB.
  'node:http': `module.exports = process.getBuiltinModule('node:http');`,
};

/** Fails the build when a package does not load any more what is left out of it here. */
export const slim: Plugin = {
  name: 'slim',
  setup({ onResolve, onLoad, onEnd }) {
    const left = new Set(unused);
    onResolve({ filter: /./ }, ({ path, importer, kind }) => {
      const rule = unused.find((each) => each.in.test(importer) && each.module.test(path));
      if (rule !== undefined) {
        left.delete(rule);
        return { path, namespace: 'unused' };
      }
      const name = path === 'http' ? 'node:http' : path;
      if (kind !== 'import-statement' || !Object.hasOwn(parts, name)) return undefined;
      return { path: name, namespace: 'part' };
    });
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    onLoad({ filter: /./, namespace: 'part' }, ({ path }) => ({
      contents: parts[path]!,
      resolveDir: import.meta.dirname,
    }));
    onEnd(() => ({
      errors: [...left].map(({ module }) => ({
        text: `nothing loads ${module.source} any more: image/slim.ts`,
      })),
    }));
  },
};
