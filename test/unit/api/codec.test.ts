import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WatchEvent } from '../../../src/api/index.js';
import { methods } from '../../../src/api/index.js';
import { fromWireApply, fromWireParts, toWireApply, toWireParts } from '../../../src/api/codec.js';
import {
  anyConnection,
  anyExplanation,
  anyPlan,
  anyState,
  anyStatus,
  anyTraffic,
} from '../../support/arbitrary-states.js';
import { sampleStates } from '../../support/fake-states.js';
import { checkProperty } from '../../support/property.js';

const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 5 });

interface Wire<T> {
  readonly responseSerialize: (value: T) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => T;
}

function survives<T>(wire: Wire<T>, values: fc.Arbitrary<T>): Promise<void> {
  const there = fc.property(values, (value) => {
    expect(wire.responseDeserialize(wire.responseSerialize(value))).toEqual(value);
  });
  return checkProperty(there, { runs: 200 });
}

describe('nothing is lost on the wire', () => {
  test('of a service', () => survives(methods.getService, anyState));
  test('of services', () =>
    survives(methods.listServices, fc.record({ services: list(anyState) })));
  test('of the status', () => survives(methods.getStatus, anyStatus));
  test('of counters', () => survives(methods.watchCounters, anyTraffic));
  test('of a plan', () => survives(methods.getDiff, anyPlan));
  test('of an explanation', () => survives(methods.explain, anyExplanation));
  test('of connections', () =>
    survives(
      methods.listConnections,
      fc.record({ connections: list(anyConnection), truncated: fc.boolean() }),
    ));
});

test('a request to apply arrives as it was given', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 10 });
  const requests = fc.record(
    {
      services: fc.array(fc.jsonValue(), { maxLength: 4 }),
      replaceAll: fc.boolean(),
      dryRun: fc.boolean(),
      expectedRevision: fc.nat(),
      expectedRevisions: fc.array(fc.tuple(name, fc.nat())).map((entries) => new Map(entries)),
    },
    { requiredKeys: ['services', 'replaceAll', 'dryRun', 'expectedRevisions'] },
  );
  const { requestSerialize, requestDeserialize } = methods.applyServices;
  const there = fc.property(requests, (request) => {
    const arrived = fromWireApply(requestDeserialize(requestSerialize(toWireApply(request))));
    // JSON has no -0.
    expect({ ...arrived, services: JSON.stringify(arrived.services) }).toEqual({
      ...request,
      services: JSON.stringify(request.services),
    });
  });
  return checkProperty(there, { runs: 200 });
});

test('a large snapshot travels in parts and arrives whole', async () => {
  const sample = sampleStates()[0]!;
  const services = Array.from({ length: 1_001 }, (_, revision) => ({ ...sample, revision }));
  const position = { instance: 'run-1', sequence: 7 };
  const { responseSerialize, responseDeserialize } = methods.watchServices;
  for (const length of [0, 1, 200, 201, 1_001]) {
    const event: WatchEvent = { type: 'snapshot', position, services: services.slice(0, length) };
    const parts = [...toWireParts(event)];
    expect(parts.length).toBe(Math.max(1, Math.ceil(length / 200)));
    const arrived = parts.map((part) => responseDeserialize(responseSerialize(part)));
    const events: WatchEvent[] = [];
    for await (const one of fromWireParts(streamOf(arrived))) events.push(one);
    expect(events).toEqual([event]);
  }
});

async function* streamOf<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}

describe('noise is refused or read, and never more than that', () => {
  const names = Object.keys(methods) as (keyof typeof methods)[];
  test.each(names)('%s', (name) => {
    const { requestDeserialize, responseDeserialize } = methods[name];
    const damaged = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const decode of [requestDeserialize, responseDeserialize]) {
        try {
          expect(typeof decode(Buffer.from(bytes))).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    });
    return checkProperty(damaged, { runs: 300 });
  });

  test('a damaged answer cannot reach the prototype of all objects', () => {
    const { requestSerialize, requestDeserialize } = methods.applyServices;
    const expectedRevisions = Object.fromEntries([['__proto__', 5]]);
    const wire = { documents: [], replaceAll: false, dryRun: false, expectedRevisions };
    const arrived = requestDeserialize(requestSerialize(wire));
    expect(({} as Record<string, unknown>)['5']).toBeUndefined();
    expect(Object.getPrototypeOf(arrived.expectedRevisions)).toBe(Object.prototype);
  });
});
