import { readFileSync } from 'node:fs';
import { parseAddress } from '../model/index.js';

/** The name servers of the host (resolv.conf(5)); none when it has no such file. */
export function hostNameServers(path = '/etc/resolv.conf'): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [word, value = ''] = line.trim().split(/\s+/);
    const address = word === 'nameserver' ? parseAddress(value) : undefined;
    return address === undefined ? [] : [address];
  });
}
