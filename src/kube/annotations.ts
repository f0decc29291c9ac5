/** The annotations whose key starts with `prefix` (`kube-registrar.io/`), by the rest of their key. */
export function annotationsUnder(
  prefix: string,
  annotations: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key in annotations) {
    if (key.startsWith(prefix)) found[key.slice(prefix.length)] = annotations[key] ?? '';
  }
  return found;
}
