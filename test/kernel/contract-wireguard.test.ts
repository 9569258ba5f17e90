/** The part of the contract that needs WireGuard. */
import { describe } from 'vitest';
import { wireguardContract } from '../kernel-contract/wireguard-contract.js';
import { openNamespaceSubject } from '../support/namespace-subject.js';

describe('the Linux kernel', () => {
  wireguardContract(openNamespaceSubject);
});
