import type { Lister } from './remote-file.ts';

/** `https://host/path[#sha256=…]`: one file; the fragment stays here. AUTHORIZATION is sent as the header. */
export const listHttps: Lister = async ({ uri, env }) => {
  const sha256 = /^#sha256=([a-f0-9]{64})$/.exec(uri.hash)?.[1];
  const url = new URL(uri);
  url.hash = '';
  return [
    {
      path: decodeURIComponent(uri.pathname.slice(uri.pathname.lastIndexOf('/') + 1)),
      url: url.href,
      headers: (): Record<string, string> =>
        env.AUTHORIZATION ? { authorization: env.AUTHORIZATION.trim() } : {},
      sizeBytes: undefined,
      checksum: sha256 === undefined ? undefined : { algorithm: 'sha256' as const, hex: sha256 },
    },
  ];
};
