// The gateways that run, their NATS, the webhook's queue and the app's keys.

import { byID, element } from './dom.js';
import { facts } from './facts.js';
import { reason } from './reason.js';
import { put, translate } from './text.js';
import { count, size } from './time.js';

export class System {
  #api;
  #state;
  #failed;
  #turn = 0; // the newest reading; answers of earlier ones are dropped

  /** @param {(error: Error) => void} failed called when the state cannot be read */
  constructor(failed) {
    this.#failed = failed;
    byID('system-again').addEventListener('click', () => this.open());
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#turn++;
    this.#api = undefined;
    this.#state = undefined;
    byID('system').hidden = true;
    put(byID('system-said'), '');
  }

  async open() {
    if (!this.#api) return;
    const turn = ++this.#turn;
    try {
      const state = await this.#api.call('timd_cluster/get');
      if (turn !== this.#turn) return;
      this.#state = state;
      put(byID('system-said'), '');
      this.show();
      byID('system').hidden = false;
    } catch (error) {
      if (turn !== this.#turn) return;
      put(byID('system-said'), translate('failed', { message: reason(error) }));
      this.#failed(error);
    }
  }

  show() {
    const s = this.#state;
    if (!s) return;
    const lagging = s.StreamList.filter(({ Missing }) => Missing.length > 0);
    facts('system-nats', [
      ['system.server', `${s.Server} ${s.Version}`],
      ['system.cluster', s.Embedded ? translate('system.embedded') : s.ClusterName || translate('system.single')],
      ['system.used', s.LimitBytes
        ? translate('system.used.of', { used: size(s.UsedBytes), limit: size(s.LimitBytes), percent: Math.round((100 * s.UsedBytes) / s.LimitBytes) })
        : size(s.UsedBytes)],
      ['system.streams', lagging.length === 0 ? translate('system.streams.good', { n: count(s.StreamList.length) }) : ''],
    ]);
    byID('system-lagging').replaceChildren(...lagging.map(({ Name, Missing }) =>
      element('li', {}, element('code', {}, Name), ' ', translate('system.missing', { servers: Missing.join(', ') }))));
    byID('system-lagging').hidden = lagging.length === 0;
    byID('gateways').replaceChildren(...s.GatewayList.map(({ Gateway, Here }) =>
      element('li', {}, element('div', { class: 'what' }, element('strong', {}, Gateway.split('.')[0]),
        element('span', { class: 'detail' }, Gateway, Here ? ` · ${translate('system.here', { n: count(s.SessionNum) })}` : '')))));
    facts('system-webhook', [
      ['system.waiting', !s.Webhook ? translate('system.webhook.off') : s.WebhookWaiting < 0 ? translate('system.unknown') : count(s.WebhookWaiting)],
    ]);
    facts('system-app', [
      ['system.app', String(this.#api.who.app)],
      ['system.keys', s.KeyNum > 1 ? translate('system.keys.several', { n: count(s.KeyNum) }) : count(s.KeyNum)],
    ]);
  }
}
