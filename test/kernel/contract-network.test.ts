/** The part of the contract that needs no IPVS. */
import { describe } from 'vitest';
import { networkContract } from '../kernel-contract/network-contract.js';
import { openNamespaceSubject } from '../support/namespace-subject.js';

describe('the Linux kernel', () => {
  networkContract(openNamespaceSubject);
});
