// Why a call failed, in words for an operator.

import { translate } from './text.js';

/** A refusal has timd's own words and its code; each browser words silence otherwise. */
export const reason = (error) =>
  error.code ? `${error.message} [${error.code}]` : translate('unreachable', { message: error.message });
