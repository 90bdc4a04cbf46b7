/**
 * Reads constants, whose names are in camel case: 'convC2c=C2C' becomes
 * {CONV_C2C: 'C2C'}, and 'onTopicCreated' {TOPIC_CREATED: 'onTopicCreated'}.
 * @param {string} text
 */
export function table(text) {
  /** @type {any} */
  const out = {};
  for (const word of text.split(' ')) {
    const [name, value = name] = word.split('=');
    out[name.replace(/^on(?=[A-Z])/, '').replace(/\B[A-Z]/g, '_$&').toUpperCase()] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return out;
}
