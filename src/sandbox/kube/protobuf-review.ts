import type { DraftObject } from './object.ts';

/** Fields of ResourceAttributes by their number (k8s.io/api/authorization/v1/generated.proto). */
const attributes = ['', 'namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'];
const magic = 'k8s\0';
const [objectOfUnknown, specOfReview, resourceOfSpec] = [2, 2, 1];

/**
 * The SelfSubjectAccessReview that `kubectl auth can-i` sends, which speaks protobuf there. `body`: as text, so what is
 * read here is ASCII and shorter than 128 bytes in each of its parts. Undefined when it is something else.
 */
export function reviewInProtobuf(body: string): DraftObject | undefined {
  if (!body.startsWith(magic)) return undefined;
  const object = fieldsOf(body.slice(magic.length))?.get(objectOfUnknown);
  const spec = fieldsOf(object)?.get(specOfReview);
  const asked = fieldsOf(fieldsOf(spec)?.get(resourceOfSpec));
  if (asked === undefined) return undefined;
  const named = [...asked].flatMap(([number, value]) => {
    const name = attributes[number];
    return name === undefined || value === '' ? [] : [[name, value] as const];
  });
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: Object.fromEntries(named) },
  };
}

/** The fields of a message that are texts or messages themselves; undefined when it is none of that form. */
function fieldsOf(message: string | undefined): ReadonlyMap<number, string> | undefined {
  if (message === undefined) return undefined;
  const fields = new Map<number, string>();
  for (let at = 0; at < message.length; ) {
    const [tag, length] = [message.charCodeAt(at), message.charCodeAt(at + 1)];
    const end = at + 2 + length;
    // Wire type 2, and one byte for tag and length.
    if (tag > 0x7f || tag % 8 !== 2 || !(length <= 0x7f) || end > message.length) return undefined;
    fields.set(tag >> 3, message.slice(at + 2, end));
    at = end;
  }
  return fields;
}
