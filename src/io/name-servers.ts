import { readFileSync } from 'node:fs';
import { parseResolverSettings, type ResolverSettings } from '../dns/index.js';
import { parseAddress } from '../model/index.js';

/** Where systemd-resolved answers, which asks us for our names: asked back it would ask in circles. */
const resolvedStub = '127.0.0.53';
/** Whom it asks (systemd-resolved(8)). */
const resolvedPath = '/run/systemd/resolve/resolv.conf';

/** The name servers of the host (resolv.conf(5)); none when it has no such file. */
export function hostNameServers(
  paths = { host: '/etc/resolv.conf', resolved: resolvedPath },
): string[] {
  const servers = nameServersOf(textOf(paths.host));
  const isStub = servers.length > 0 && servers.every((address) => address === resolvedStub);
  return isStub ? nameServersOf(textOf(paths.resolved)) : servers;
}

function nameServersOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [word, value = ''] = line.trim().split(/\s+/);
    const address = word === 'nameserver' ? parseAddress(value) : undefined;
    return address === undefined ? [] : [address];
  });
}

/** What else the host's resolver goes by. */
export function hostResolverSettings(path = '/etc/resolv.conf'): ResolverSettings {
  return parseResolverSettings(textOf(path));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
