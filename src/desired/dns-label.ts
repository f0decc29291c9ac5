/** What Consul's DNS takes as a service name or tag: letters, digits and hyphens, at most 63. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(text);
}
