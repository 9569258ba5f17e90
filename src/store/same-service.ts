import type { Service } from '../model/index.js';

/** True when the two ask for the same, whatever drains. */
export function sameService(a: Service, b: Service): boolean {
  return contentOf(a) === contentOf(b);
}

/** JSON with the fields of every object in the order of their names. */
function contentOf(service: Service): string {
  const destinations = service.destinations.map((one) => ({ ...one, draining: false }));
  return JSON.stringify({ ...service, destinations }, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
