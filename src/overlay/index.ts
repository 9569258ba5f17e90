/**
 * Networks that span hosts: how addresses are divided, and what the kernels of hosts and of
 * sandboxes hold for them. Pure.
 */
export { compileEndpoint, compileNetwork, mtuProblem, networkMtu, outerSize } from './compile.js';
export type { Underlay } from './compile.js';
export {
  bridgeName,
  ingressEndpointName,
  ingressName,
  interfaceName,
  macOf,
  portName,
  sealAddress,
  sealDevice,
  sealedVxlanPort,
  vxlanName,
  vxlanPort,
} from './names.js';
export { vxlanTableName } from './vxlan-table.js';
export { defaultIngress } from './ingress-network.js';
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
} from './check.js';
export { checkSeal, compileSeals, provenKey, sealPort, wayTo } from './seals.js';
export type { OwnSeal, Proven, Seal, SealPeer, SealView } from './seals.js';
export { nextSealStep } from './seal-steps.js';
export type { SealMoment, SealStep } from './seal-steps.js';
