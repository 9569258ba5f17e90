import { describe, expect, it } from 'vitest';
import type { DestinationTraffic, ServiceTraffic } from '../../../src/api/index.js';
import type { Counters } from '../../../src/kernel/index.js';
import { trafficSeries } from '../../../src/metrics/index.js';

const counters: Counters = {
  connections: 1,
  inPackets: 2,
  outPackets: 3,
  inBytes: 4_000_000_000_000,
  outBytes: 5,
  connectionsPerS: 6,
  inPacketsPerS: 7,
  outPacketsPerS: 8,
  inBytesPerS: 9,
  outBytesPerS: 10,
};

const server: DestinationTraffic = {
  ...counters,
  name: 'web-1',
  address: '10.0.0.11',
  port: 8080,
  weight: 2,
  active: 11,
  inactive: 12,
  persistent: 13,
};

const web: ServiceTraffic = {
  ...counters,
  service: 'web',
  listen: '10.96.0.1:80/tcp',
  destinations: [server],
};

function text(...services: readonly ServiceTraffic[]): string {
  return [...trafficSeries(services)].join('');
}

/** Without the lines that say what a metric means. */
function samples(...services: readonly ServiceTraffic[]): string[] {
  return text(...services)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

describe('trafficSeries', () => {
  it('has every counter of services and destinations', () => {
    const service = 'service="web",listen="10.96.0.1:80/tcp"';
    const destination = `${service},destination="web-1",address="10.0.0.11",port="8080"`;
    expect(samples(web)).toEqual([
      `meshd_service_connections_total{${service}} 1`,
      `meshd_service_in_packets_total{${service}} 2`,
      `meshd_service_out_packets_total{${service}} 3`,
      `meshd_service_in_bytes_total{${service}} 4000000000000`,
      `meshd_service_out_bytes_total{${service}} 5`,
      `meshd_service_connections_per_second{${service}} 6`,
      `meshd_service_in_bytes_per_second{${service}} 9`,
      `meshd_service_out_bytes_per_second{${service}} 10`,
      `meshd_destination_connections_total{${destination}} 1`,
      `meshd_destination_in_packets_total{${destination}} 2`,
      `meshd_destination_out_packets_total{${destination}} 3`,
      `meshd_destination_in_bytes_total{${destination}} 4000000000000`,
      `meshd_destination_out_bytes_total{${destination}} 5`,
      `meshd_destination_connections_per_second{${destination}} 6`,
      `meshd_destination_in_bytes_per_second{${destination}} 9`,
      `meshd_destination_out_bytes_per_second{${destination}} 10`,
      `meshd_destination_weight{${destination}} 2`,
      `meshd_destination_active_connections{${destination}} 11`,
      `meshd_destination_inactive_connections{${destination}} 12`,
      `meshd_destination_persistent_connections{${destination}} 13`,
    ]);
  });

  it('keeps the samples of a metric together, under what it means', () => {
    const mail = { ...web, service: 'mail', listen: '[fd00:96::1]:25/tcp', destinations: [] };
    expect(text(web, mail).split('\n').slice(0, 5)).toEqual([
      '# HELP meshd_service_connections_total Connections scheduled.',
      '# TYPE meshd_service_connections_total counter',
      'meshd_service_connections_total{service="web",listen="10.96.0.1:80/tcp"} 1',
      'meshd_service_connections_total{service="mail",listen="[fd00:96::1]:25/tcp"} 1',
      '# HELP meshd_service_in_packets_total Packets from clients.',
    ]);
  });

  it('describes each metric once, as the format wants it', () => {
    const types = text(web)
      .split('\n')
      .filter((line) => line.startsWith('# TYPE '));
    expect(new Set(types).size).toBe(types.length);
    for (const type of types) {
      expect(type).toMatch(/^# TYPE meshd_[a-z_]+_total counter$|^# TYPE meshd_[a-z_]+ gauge$/);
    }
  });

  it('escapes what a label may not hold', () => {
    const odd = { ...web, destinations: [{ ...server, name: 'a "b"\\\nc' }] };
    expect(samples(odd).at(-1)).toContain('destination="a \\"b\\"\\\\\\nc",');
  });
});
