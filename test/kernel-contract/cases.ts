import { schedulers, type Op } from '../../src/model/index.js';
import {
  add,
  destination,
  dns4,
  mark4,
  mark6,
  of,
  remove,
  service,
  set,
  web4,
  web6,
} from './rules.js';

/** Ops given to the kernel at once, what it refuses of them, and what it holds afterwards. */
export interface Step {
  /** The end of a veth pair that another sandbox makes here before. */
  readonly farEnd?: string;
  readonly ops: readonly Op[];
  /** `index errno`; absent = nothing. */
  readonly refused?: readonly string[];
  /** The rules that are neither sysctls nor timeouts, as text. */
  readonly holds: string;
}

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

const one = destination('10.0.0.11');
const two = destination('10.0.0.12');
const three = destination('10.0.0.13', { weight: 0 });
const web = service(web4, { destinations: [one, two] });
const bare = service(web4);

const services: Case[] = [
  {
    name: 'a service comes with its destinations, in their order, and goes with them',
    steps: [
      {
        ops: [add(service(web4, { destinations: [two, three, one] }))],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.12:8080 masq weight=1
  10.0.0.13:8080 masq weight=0
  10.0.0.11:8080 masq weight=1`,
      },
      { ops: [remove(bare)], holds: '' },
    ],
  },
  {
    name: 'a service exists once: the second gets none of its destinations',
    steps: [
      { ops: [add(bare)], holds: 'ipvs 10.96.0.1:80/tcp wrr' },
      { ops: [add(web)], refused: ['0 EEXIST'], holds: 'ipvs 10.96.0.1:80/tcp wrr' },
    ],
  },
  {
    name: 'the same service twice in one batch',
    steps: [
      {
        ops: [add(bare), add(web), add(service(dns4))],
        refused: ['1 EEXIST'],
        holds: `
ipvs 10.96.0.1:53/udp wrr
ipvs 10.96.0.1:80/tcp wrr`,
      },
    ],
  },
  {
    name: 'a service that is missing cannot be changed, deleted or filled',
    steps: [
      {
        ops: [
          set(bare),
          remove(bare),
          add(of(bare, one)),
          set(of(bare, one)),
          remove(of(bare, one)),
        ],
        refused: ['0 ESRCH', '1 ESRCH', '2 ESRCH', '3 ESRCH', '4 ESRCH'],
        holds: '',
      },
    ],
  },
  {
    name: 'set changes the service and leaves its destinations',
    steps: [
      {
        ops: [
          add(web),
          set(service(web4, { scheduler: 'sh', schedulerFlags: ['port'], affinityTimeoutS: 60 })),
        ],
        holds: `
ipvs 10.96.0.1:80/tcp sh port affinity=60s
  10.0.0.11:8080 masq weight=1
  10.0.0.12:8080 masq weight=1`,
      },
      {
        ops: [set(bare)],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=1
  10.0.0.12:8080 masq weight=1`,
      },
    ],
  },
  {
    name: 'a later Op of a batch sees what an earlier one did',
    steps: [
      {
        ops: [add(web), remove(bare), add(bare), add(of(bare, two)), remove(of(bare, two))],
        holds: 'ipvs 10.96.0.1:80/tcp wrr',
      },
    ],
  },
  {
    name: 'a failing Op does not stop those behind it',
    steps: [
      {
        ops: [remove(bare), add(service(dns4)), remove(service(web6)), add(service(web4))],
        refused: ['0 ESRCH', '2 ESRCH'],
        holds: `
ipvs 10.96.0.1:53/udp wrr
ipvs 10.96.0.1:80/tcp wrr`,
      },
    ],
  },
  {
    name: 'services by address and by mark, of both families, are all different ones',
    steps: [
      {
        ops: [
          add(service(web4)),
          add(service(web6)),
          add(service({ ...web4, protocol: 'sctp' })),
          add(service({ ...web4, protocol: 'udp' })),
          add(service(mark4)),
          add(service(mark6)),
        ],
        holds: `
ipvs 10.96.0.1:80/sctp wrr
ipvs 10.96.0.1:80/tcp wrr
ipvs 10.96.0.1:80/udp wrr
ipvs [fd96::1]:80/tcp wrr
ipvs fwmark 257 wrr
ipvs fwmark 257/v6 wrr`,
      },
      {
        ops: [remove(service(mark6)), remove(service({ ...web4, protocol: 'udp' }))],
        holds: `
ipvs 10.96.0.1:80/sctp wrr
ipvs 10.96.0.1:80/tcp wrr
ipvs [fd96::1]:80/tcp wrr
ipvs fwmark 257 wrr`,
      },
    ],
  },
  {
    name: 'affinity by prefix, scheduler flags',
    steps: [
      {
        ops: [
          add(service(web4, { affinityTimeoutS: 300, affinityPrefix: 24 })),
          add(service(web6, { affinityTimeoutS: 2_000_000, affinityPrefix: 64 })),
          add(service(mark4, { scheduler: 'mh', schedulerFlags: ['fallback', 'port'] })),
          add(service(mark6, { scheduler: 'sh', schedulerFlags: ['fallback'] })),
          add(service(dns4, { affinityPrefix: 8 })),
        ],
        holds: `
ipvs 10.96.0.1:53/udp wrr
ipvs 10.96.0.1:80/tcp wrr affinity=300s/24
ipvs [fd96::1]:80/tcp wrr affinity=2000000s/64
ipvs fwmark 257 mh fallback port
ipvs fwmark 257/v6 sh fallback`,
      },
    ],
  },
  {
    name: 'one-packet scheduling',
    steps: [
      {
        ops: [add(service(dns4, { onePacket: true }))],
        holds: 'ipvs 10.96.0.1:53/udp wrr ops',
      },
    ],
  },
];

const everyScheduler: Case[] = schedulers.map((scheduler) => ({
  name: `scheduler ${scheduler}`,
  steps: [
    {
      ops: [
        add(service(web4, { scheduler, destinations: [one] })),
        add(service(web6, { scheduler })),
      ],
      holds: `
ipvs 10.96.0.1:80/tcp ${scheduler}
  10.0.0.11:8080 masq weight=1
ipvs [fd96::1]:80/tcp ${scheduler}`,
    },
  ],
}));

const destinations: Case[] = [
  {
    name: 'a destination exists once, and must be there to be changed or deleted',
    steps: [
      {
        ops: [add(web), add(of(bare, one)), set(of(bare, three)), remove(of(bare, three))],
        refused: ['1 EEXIST', '2 ENOENT', '3 ENOENT'],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=1
  10.0.0.12:8080 masq weight=1`,
      },
    ],
  },
  {
    name: 'a destination twice in one service fails once',
    steps: [
      {
        ops: [add(service(web4, { destinations: [one, one, two] }))],
        refused: ['0 EEXIST'],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=1
  10.0.0.12:8080 masq weight=1`,
      },
    ],
  },
  {
    name: 'set changes everything but address and port, and keeps the order',
    steps: [
      {
        ops: [
          add(web),
          set(of(bare, { ...one, weight: 65_535, upperThreshold: 100, lowerThreshold: 20 })),
        ],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=65535 upper=100 lower=20
  10.0.0.12:8080 masq weight=1`,
      },
      {
        ops: [set(of(bare, { ...one, weight: 0 }))],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=0
  10.0.0.12:8080 masq weight=1`,
      },
    ],
  },
  {
    name: 'a destination that comes back is the last',
    steps: [
      {
        ops: [add(web), remove(of(bare, one)), add(of(bare, one))],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.12:8080 masq weight=1
  10.0.0.11:8080 masq weight=1`,
      },
    ],
  },
  {
    name: 'direct routing',
    steps: [
      {
        ops: [
          add(service(web6, { destinations: [destination('fd00::1', { forwarding: 'route' })] })),
          add(web),
          set(of(bare, { ...one, weight: 0, forwarding: 'route' })),
        ],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 route weight=0
  10.0.0.12:8080 masq weight=1
ipvs [fd96::1]:80/tcp wrr
  [fd00::1]:8080 route weight=1`,
      },
    ],
  },
  {
    name: 'a tunnel needs its port',
    steps: [
      {
        ops: [add(service(web4, { destinations: [tunnel('10.0.0.2', 'gue', 0, false)] }))],
        refused: ['0 EINVAL'],
        holds: 'ipvs 10.96.0.1:80/tcp wrr',
      },
    ],
  },
  {
    name: 'every tunnel',
    steps: [
      {
        ops: [
          add(
            service(web4, {
              destinations: [
                tunnel('10.0.0.1', 'ipip', 0, false),
                tunnel('10.0.0.2', 'gue', 6080, false),
                tunnel('10.0.0.3', 'gue', 6081, true),
                tunnel('10.0.0.4', 'gre', 0, false),
                tunnel('10.0.0.5', 'gre', 0, true),
                tunnel('fd00::6', 'ipip', 0, false),
              ],
            }),
          ),
          set(of(bare, tunnel('10.0.0.1', 'gre', 0, true))),
        ],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.1:8080 tunnel gre checksum weight=1
  10.0.0.2:8080 tunnel gue port=6080 weight=1
  10.0.0.3:8080 tunnel gue port=6081 checksum weight=1
  10.0.0.4:8080 tunnel gre weight=1
  10.0.0.5:8080 tunnel gre checksum weight=1
  [fd00::6]:8080 tunnel ipip weight=1`,
      },
    ],
  },
  {
    name: 'IPv6 destinations, and port 0 for marks',
    steps: [
      {
        ops: [
          add(service(web6, { destinations: [destination('fd00::1')] })),
          add(service(mark6, { destinations: [destination('fd00::2', { port: 0 })] })),
          add(service(mark4, { destinations: [{ ...one, port: 0 }] })),
        ],
        holds: `
ipvs [fd96::1]:80/tcp wrr
  [fd00::1]:8080 masq weight=1
ipvs fwmark 257 wrr
  10.0.0.11:0 masq weight=1
ipvs fwmark 257/v6 wrr
  [fd00::2]:0 masq weight=1`,
      },
    ],
  },
  {
    name: 'what a destination cannot be: each is refused alone',
    steps: [
      {
        ops: [
          add(
            service(web4, {
              destinations: [
                destination('224.0.0.1'),
                destination('0.0.0.0'),
                destination('fd00::1'),
                destination('10.0.0.1', { upperThreshold: 1, lowerThreshold: 2 }),
                one,
              ],
            }),
          ),
          add(service(web6, { destinations: [destination('ff02::1'), destination('fe80::1')] })),
        ],
        refused: ['0 EINVAL', '0 EINVAL', '0 EINVAL', '0 ERANGE', '1 EINVAL', '1 EINVAL'],
        holds: `
ipvs 10.96.0.1:80/tcp wrr
  10.0.0.11:8080 masq weight=1
ipvs [fd96::1]:80/tcp wrr`,
      },
    ],
  },
];

function tunnel(
  address_: string,
  type: 'ipip' | 'gue' | 'gre',
  port: number,
  checksum: boolean,
): ReturnType<typeof destination> {
  return destination(address_, { forwarding: 'tunnel', tunnel: { type, port, checksum } });
}

export const cases: readonly Case[] = [...services, ...everyScheduler, ...destinations];
