// Why a call failed, in words for an operator.

import { translate } from './text.js';

/**
 * A refusal has timd's own words and its code, but for a UserSig: of what is
 * wrong with one, timd tells what helps a program. Each browser words silence
 * otherwise.
 */
export function reason({ code, message }) {
  if (!code) return translate('unreachable', { message });
  const within = code === 60005 && message.match(/\((\d+): /)?.[1];
  return within ? translate('refused', { code: within }) : `${message} [${code}]`;
}
