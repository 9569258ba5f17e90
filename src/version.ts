import packageJson from '../package.json' with { type: 'json' };

/** Of meshd and meshctl: `0.1.0`. */
export const packageVersion: string = packageJson.version;
