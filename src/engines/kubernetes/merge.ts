/**
 * A patch laid over an object as `kubectl patch` does it for a pod template: mappings field by field, null removes,
 * lists of named things by their name, other lists as a whole. `$patch: delete` and `$patch: replace` work as there.
 */

/** List -> the field that names its items, in the API's own definition of a pod. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
};

const DIRECTIVE = '$patch';

type Json = Record<string, unknown>;

export function mergePatch(target: Json, patch: Json): Json {
  if (patch[DIRECTIVE] === 'replace') return without(patch, DIRECTIVE);
  const merged: Json = { ...target };
  for (const [field, value] of Object.entries(patch)) {
    if (field === DIRECTIVE) continue;
    if (value === null) delete merged[field];
    else merged[field] = mergeValue(field, merged[field], value);
  }
  return merged;
}

function mergeValue(field: string, target: unknown, patch: unknown): unknown {
  const key = MERGE_KEYS[field];
  if (Array.isArray(patch)) {
    return key !== undefined && patch.every(isMapping)
      ? mergeList(Array.isArray(target) ? target.filter(isMapping) : [], patch, key)
      : patch;
  }
  if (!isMapping(patch)) return patch;
  return mergePatch(isMapping(target) ? target : {}, patch);
}

function mergeList(target: Json[], patch: Json[], key: string): Json[] {
  if (patch.some((item) => item[DIRECTIVE] === 'replace'))
    return patch.filter((item) => item[DIRECTIVE] === undefined);
  let merged = target;
  for (const item of patch) {
    const isSame = (other: Json) => other[key] === item[key];
    if (item[DIRECTIVE] === 'delete') merged = merged.filter((other) => !isSame(other));
    else if (merged.some(isSame))
      merged = merged.map((other) => (isSame(other) ? mergePatch(other, item) : other));
    else merged = [...merged, mergePatch({}, item)];
  }
  return merged;
}

function without(object: Json, field: string): Json {
  const { [field]: _, ...rest } = object;
  return rest;
}

function isMapping(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
