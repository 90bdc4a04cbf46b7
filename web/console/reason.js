// Why a call failed, in words for an operator.

import { translate } from './text.js';

/**
 * A refusal has timd's own words and its code, except for a UserSig, where
 * timd's words help a program rather than a person. Without a reply, each
 * browser has words of its own.
 */
export function reason({ code, message }) {
  if (!code) return translate('unreachable', { message });
  const within = code === 60005 && message.match(/\((\d+): /)?.[1];
  return within ? translate('refused', { code: within }) : `${message} [${code}]`;
}
