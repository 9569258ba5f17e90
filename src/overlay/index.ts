/**
 * Networks that span hosts: how addresses are divided, and what the kernels of hosts and of
 * sandboxes hold for them. Pure.
 */
export { compileEndpoint, compileNetwork, mtuProblem, networkMtu } from './compile.js';
export type { Underlay } from './compile.js';
export {
  bridgeName,
  ingressEndpointName,
  interfaceName,
  macOf,
  portName,
  vxlanName,
} from './names.js';
export { defaultIngress, ingressName } from './ingress-network.js';
export { chooseSlice, sliceAddresses, sliceCount, vipRange } from './slices.js';
export { clashOf, holderOf, settleNetworks } from './settle.js';
export type { LostNetwork, NetworkClaim, SliceClaim } from './settle.js';
export {
  checkAddress,
  checkEndpoint,
  checkName,
  checkNetwork,
  checkServices,
  vniMax,
  vniMin,
  vxlanPort,
} from './check.js';
