import type { Network } from '../model/index.js';
import { ingressName, vxlanPort } from './names.js';

/**
 * What it is when nobody made one before it was needed: the same on all nodes, so that those that
 * do not know of each other make one network. A subnet has room for 3,072 nodes and their tasks.
 */
export const defaultIngress: Network = {
  name: ingressName,
  vni: 4_096,
  subnets: ['10.255.0.0/16', 'fd6d:6573:6800::/112'],
  port: vxlanPort,
  internal: false,
  sealed: false,
};
