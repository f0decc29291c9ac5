/**
 * The programs the end-to-end tests run: built from Go source that is pinned beside this file, or taken from
 * Debian's packages in whatever version the machine's release has.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const programNames = [
  'etcd',
  'etcdctl',
  'etcdutl',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-apiserver-oldest',
  'kube-controller-manager-oldest',
  'kubectl',
  'consul',
  'consul-oldest',
  'helm',
  'kustomize',
  'prometheus',
  'promtool',
  'haproxy',
  'nginx',
  'kubelet',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
  'bridge',
  'xtables-legacy-multi',
  'busybox',
  'buildah',
  'chromium',
] as const;

export type ProgramName = (typeof programNames)[number];

interface AnyProgram {
  readonly name: ProgramName;
  /** Arguments that print the version and exit; also the proof that a given binary runs. */
  readonly versionArgs: readonly string[];
  /** Older binaries found on the PATH are passed over. One named by a variable is used as it is. */
  readonly oldest: readonly [major: number, minor: number];
  /** Variable that names a binary to use. Default: KUBEBUILDER_ASSETS, a directory, is looked at. */
  readonly variable?: string;
}

export interface GoProgram extends AnyProgram {
  readonly origin: 'go';
  /** Directory beside this file whose go.mod and go.sum pin the program. */
  readonly moduleDir: string;
  /** Go module whose version is the program's version. */
  readonly module: string;
  /** The main package. */
  readonly package: string;
  /** Linker stamps: package variables the program takes its version from. `version` has no leading v. */
  readonly stamps: (version: string) => Record<string, string>;
  /** Build tags. Default none. */
  readonly tags?: readonly string[];
}

export interface DebianProgram extends AnyProgram {
  readonly origin: 'debian';
  /** Path of the program within its package. */
  readonly file: string;
  /** Default: the program's name. */
  readonly packageName?: string;
  /** Packages with files that it needs and that are not libraries. Default none. */
  readonly alsoPackages?: readonly string[];
  /** Files that are written beside those of the packages, by their path within them. Default none. */
  readonly files?: Readonly<Record<string, string>>;
  /** An older release of Debian to take it from; a program for all releases, since it needs only the C library. */
  readonly suite?: string;
  /** Variables it needs where it is unpacked, each with a path within its package. */
  readonly paths?: Readonly<Record<string, string>>;
}

export type Program = GoProgram | DebianProgram;

const none = (): Record<string, string> => ({});

/** Without these the API server calls itself v0.0.0 and clients cannot tell its version. */
const kubernetesStamps = (version: string): Record<string, string> => {
  const [major = '', minor = ''] = version.split('.');
  const at = 'k8s.io/component-base/version';
  return { [`${at}.gitVersion`]: `v${version}`, [`${at}.gitMajor`]: major, [`${at}.gitMinor`]: minor };
};

const etcd = { origin: 'go', moduleDir: 'etcd', stamps: none, oldest: [3, 5] } as const;
const kubernetes = {
  origin: 'go',
  moduleDir: 'kubernetes',
  module: 'k8s.io/kubernetes',
  stamps: kubernetesStamps,
  versionArgs: ['--version'],
  oldest: [1, 32],
} as const;

// Both ends of what is supported are tried.
const kubernetesOldest = {
  ...kubernetes,
  moduleDir: 'kubernetes-oldest',
  // The clients of clouds, which nothing here needs, are a tenth of the build.
  tags: ['providerless'],
  oldest: [1, 30],
} as const;

const containerd = {
  origin: 'go',
  moduleDir: 'containerd',
  module: 'github.com/containerd/containerd/v2',
  stamps: (version: string) => ({ 'github.com/containerd/containerd/v2/version.Version': `v${version}` }),
  // Snapshotters that the tests do not use, one of which needs C.
  tags: ['no_btrfs', 'no_devmapper', 'no_zfs', 'no_tracing'],
  oldest: [2, 0],
} as const;

/** The same fonts on every machine, so that a page has the same lines everywhere. */
const fontsOfBrowser = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<dir prefix="relative">../usr/share/fonts</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
${[
  ['system-ui', 'Liberation Sans'],
  ['sans', 'Liberation Sans'],
  ['sans-serif', 'Liberation Sans'],
  ['monospace', 'Liberation Mono'],
]
  .map(
    ([family, font]) => `<alias><family>${family}</family><prefer><family>${font}</family></prefer></alias>`,
  )
  .join('\n')}
</fontconfig>
`;

const table: Record<ProgramName, Omit<GoProgram, 'name'> | Omit<DebianProgram, 'name'>> = {
  etcd: {
    ...etcd,
    module: 'go.etcd.io/etcd/server/v3',
    package: 'go.etcd.io/etcd/server/v3',
    versionArgs: ['--version'],
  },
  etcdctl: {
    ...etcd,
    module: 'go.etcd.io/etcd/etcdctl/v3',
    package: 'go.etcd.io/etcd/etcdctl/v3',
    versionArgs: ['version'],
  },
  etcdutl: {
    ...etcd,
    module: 'go.etcd.io/etcd/etcdutl/v3',
    package: 'go.etcd.io/etcd/etcdutl/v3',
    versionArgs: ['version'],
  },
  'kube-apiserver': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  'kube-apiserver-oldest': { ...kubernetesOldest, package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager-oldest': {
    ...kubernetesOldest,
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
  },
  kubectl: {
    ...kubernetes,
    moduleDir: 'kubectl',
    package: 'k8s.io/kubernetes/cmd/kubectl',
    versionArgs: ['version', '--client'],
  },
  consul: {
    origin: 'go',
    variable: 'CONSUL_BIN',
    moduleDir: 'consul',
    module: 'github.com/hashicorp/consul',
    package: 'github.com/hashicorp/consul',
    stamps: none,
    versionArgs: ['version'],
    oldest: [1, 14],
  },
  // The oldest that Debian's archive has, 1.8.7: the contract with Consul is tried with both ends of what is supported.
  'consul-oldest': {
    origin: 'debian',
    variable: 'CONSUL_OLDEST_BIN',
    packageName: 'consul',
    suite: 'bullseye',
    file: 'usr/bin/consul',
    versionArgs: ['version'],
    oldest: [1, 8],
  },
  helm: {
    origin: 'go',
    variable: 'HELM_BIN',
    moduleDir: 'helm',
    module: 'helm.sh/helm/v4',
    package: 'helm.sh/helm/v4/cmd/helm',
    stamps: (version) => ({ 'helm.sh/helm/v4/internal/version.version': `v${version}` }),
    versionArgs: ['version', '--short'],
    oldest: [3, 14],
  },
  kustomize: {
    origin: 'go',
    moduleDir: 'kustomize',
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    package: 'sigs.k8s.io/kustomize/kustomize/v5',
    stamps: none,
    versionArgs: ['version'],
    oldest: [5, 0],
  },
  prometheus: {
    origin: 'go',
    variable: 'PROMETHEUS_BIN',
    // Debian's package of version 2 is built without consul_sd_configs.
    moduleDir: 'prometheus',
    module: 'github.com/prometheus/prometheus',
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    // Of the service discoveries only Consul's, without which half of the dependencies stay out.
    tags: ['remove_all_sd', 'enable_consul_sd'],
    // The module's v0.315.0 is Prometheus 3.15.0.
    stamps: (version) => ({
      'github.com/prometheus/common/version.Version': version.replace(/^0\.(\d)(\d\d)\./, '$1.$2.'),
    }),
    versionArgs: ['--version'],
    oldest: [3, 0],
  },
  promtool: {
    origin: 'debian',
    packageName: 'prometheus',
    variable: 'PROMTOOL_BIN',
    file: 'usr/bin/promtool',
    versionArgs: ['--version'],
    oldest: [2, 31],
  },
  haproxy: {
    origin: 'debian',
    variable: 'HAPROXY_BIN',
    file: 'usr/sbin/haproxy',
    versionArgs: ['-v'],
    oldest: [2, 4],
  },
  nginx: {
    origin: 'debian',
    variable: 'NGINX_BIN',
    file: 'usr/sbin/nginx',
    versionArgs: ['-v'],
    oldest: [1, 18],
  },
  kubelet: { ...kubernetes, moduleDir: 'kubelet', package: 'k8s.io/kubernetes/cmd/kubelet' },
  containerd: {
    ...containerd,
    package: 'github.com/containerd/containerd/v2/cmd/containerd',
    versionArgs: ['--version'],
  },
  'containerd-shim-runc-v2': {
    ...containerd,
    package: 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
    versionArgs: ['-v'],
  },
  ctr: {
    ...containerd,
    package: 'github.com/containerd/containerd/v2/cmd/ctr',
    versionArgs: ['--version'],
  },
  runc: { origin: 'debian', file: 'usr/sbin/runc', versionArgs: ['--version'], oldest: [1, 1] },
  // A CNI plugin; the others lie beside it. The first version it prints is the oldest protocol it speaks.
  bridge: {
    origin: 'debian',
    packageName: 'containernetworking-plugins',
    file: 'usr/lib/cni/bridge',
    versionArgs: [],
    oldest: [0, 1],
  },
  // iptables and iptables-restore are its first arguments.
  'xtables-legacy-multi': {
    origin: 'debian',
    packageName: 'iptables',
    file: 'usr/sbin/xtables-legacy-multi',
    paths: { XTABLES_LIBDIR: `usr/lib/${machine()}/xtables` },
    versionArgs: ['iptables', '--version'],
    oldest: [1, 8],
  },
  busybox: {
    origin: 'debian',
    packageName: 'busybox-static',
    file: 'bin/busybox',
    versionArgs: ['--help'],
    oldest: [1, 30],
  },
  buildah: { origin: 'debian', file: 'usr/bin/buildah', versionArgs: ['--version'], oldest: [1, 19] },
  // The one without windows: two thirds of the size, and none of the libraries of a desktop.
  chromium: {
    origin: 'debian',
    packageName: 'chromium-headless-shell',
    variable: 'CHROMIUM_BIN',
    file: 'usr/lib/chromium/chromium-headless-shell',
    alsoPackages: ['chromium-common', 'fonts-liberation', 'fonts-dejavu-core'],
    files: { 'etc/fonts.conf': fontsOfBrowser },
    paths: { FONTCONFIG_FILE: 'etc/fonts.conf' },
    versionArgs: ['--version'],
    oldest: [120, 0],
  },
};

/** In the order they are built: the cheap ones first. */
export const programs: readonly Program[] = programNames.map((name) => ({ name, ...table[name] }));

export function programNamed(name: ProgramName): Program {
  return { name, ...table[name] };
}

/** Absolute directory that holds the program's go.mod. */
export function sourceDir(program: GoProgram): string {
  return join(import.meta.dirname, program.moduleDir);
}

/** The version pinned in go.mod, without the leading v. */
export function pinnedVersion(program: GoProgram): string {
  const goMod = readFileSync(join(sourceDir(program), 'go.mod'), 'utf8');
  const line = goMod.split('\n').find((text) => text.trim().startsWith(`${program.module} v`));
  const version = line?.trim().split(' ')[1];
  if (version === undefined)
    throw new Error(`${program.moduleDir}/go.mod does not require ${program.module}`);
  return version.slice(1);
}

/**
 * Where the built program lies. For Go, the directory's key covers everything the build depends on that the
 * repository holds, so a change of one module rebuilds that module's programs and no others. For Debian it is the
 * release, within which packages change only for fixes.
 */
export function cachePath(program: Program, env: NodeJS.ProcessEnv): string {
  if (program.origin === 'debian') {
    const from = program.suite === undefined ? release() : `debian-${program.suite}`;
    return join(cacheRoot(env), `${from}-${process.arch}`, program.name, program.name);
  }
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  if (program.tags !== undefined) hash.update(program.tags.join());
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(sourceDir(program), file)));
  return join(cacheRoot(env), `${program.moduleDir}-${hash.digest('hex').slice(0, 16)}`, program.name);
}

/** Debian's name for this machine's architecture, as in paths of libraries. */
function machine(): string {
  return `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
}

/** `debian-12`; another system's programs would not run, `none` where there is no such thing. */
export function release(): string {
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return 'none';
  }
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, 'm').exec(text)?.[1];
  return `${field('ID') ?? 'linux'}-${field('VERSION_ID') ?? field('VERSION_CODENAME') ?? 'rolling'}`;
}

/** The cache of built servers: outside the checkout, so that clones and branches share it. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kube-registrar', 'servers');
}
