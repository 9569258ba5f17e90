/** The promises of hosts, alone and together, each checked on real kernels with real packets. */
import type { Case } from '../support/scene.js';
import { affinity, sameChoice } from './affinity.js';
import { balance } from './balance.js';
import { churn } from './churn.js';
import { clients } from './clients.js';
import { crash } from './crash.js';
import { drain } from './drain.js';
import { drift } from './drift.js';
import { badFile, plan } from './files.js';
import { explain } from './explain.js';
import { foreign } from './foreign.js';
import { forwarding, schedulers, sctp } from './forwarding.js';
import { health } from './health.js';
import { fullDisk, namespace, privileges } from './refusals.js';
import { mesh, meshKeys } from './mesh.js';
import { misuse } from './misuse.js';
import { names } from './names.js';
import { namesChurn } from './names-churn.js';
import { networks } from './networks.js';
import { paths } from './paths.js';
import { publish } from './publish.js';
import { restart } from './restart.js';
import { sealed } from './sealed.js';
import { ingress } from './ingress.js';

export const cases: readonly Case[] = [
  // First, while the kernel may not have loaded ip_vs yet.
  privileges,
  balance,
  affinity,
  sameChoice,
  clients,
  health,
  drain,
  restart,
  foreign,
  drift,
  crash,
  badFile,
  plan,
  forwarding,
  schedulers,
  sctp,
  namespace,
  fullDisk,
  mesh,
  meshKeys,
  networks,
  names,
  paths,
  sealed,
  ingress,
  publish,
  misuse,
  explain,
  churn,
  namesChurn,
];
