// A ban of a user: how it is asked for, and what is said of it.

import { ask } from './ask.js';
import { translate } from './text.js';
import { full } from './time.js';

/**
 * Asks whether to ban a user for as long as a form says, and why, and does it.
 * @returns {Promise<object | undefined>} what the server API has answered, if it was done
 */
export function askToBan(api, form, user) {
  const { hours, reason } = form.elements;
  const body = { UserID: user, Reason: reason.value.trim() };
  return ask('ban', { user, span: hours.selectedOptions[0].textContent }, () => {
    // The time counts from the answer, not from the question.
    if (Number(hours.value)) body.Until = Date.now() + Number(hours.value) * 3_600_000;
    return api.call('timd_account/ban', body);
  });
}

/** Until when a ban is, by whom, and why. */
export function banText({ Until, By, Time, Reason }) {
  return {
    end: Until ? translate('bans.until', { time: full(Until) }) : translate('bans.forever'),
    by: translate('bans.by', { admin: By, time: full(Time) }),
    reason: Reason,
  };
}
