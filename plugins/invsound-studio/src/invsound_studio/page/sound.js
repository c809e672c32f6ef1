// one sound at a time, A or B, at equal loudness, the other from the same moment on
let context, source, started = 0;

const open = () => (context ??= new AudioContext());

// mean power under the two filters of ITU-R BS.1770: a shelf that the head makes, and a high pass
async function power(x, rate) {
  const offline = new OfflineAudioContext(1, x.length, rate), input = offline.createBufferSource();
  input.buffer = offline.createBuffer(1, x.length, rate);
  input.buffer.copyToChannel(x, 0);
  const shelf = new BiquadFilterNode(offline, { type: "highshelf", frequency: Math.min(1500, rate / 2.2), gain: 4 });
  const high = new BiquadFilterNode(offline, { type: "highpass", frequency: 38, Q: 0.5 });
  input.connect(shelf).connect(high).connect(offline.destination);
  input.start();
  const heard = (await offline.startRendering()).getChannelData(0);
  return heard.reduce((sum, v) => sum + v * v, 0) / heard.length;
}

export async function loud(x, rate) {
  const peak = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return { x, rate, peak, power: await power(x, rate) };
}

// the gain of each: equal power, and no peak beyond 1
export function gains(a, b) {
  const level = Math.min(...[a, b].map(s => Math.sqrt(s.power) / Math.max(s.peak, 1e-9)));
  return [a, b].map(s => Math.min(level / Math.max(Math.sqrt(s.power), 1e-9), 1e3));
}

export const playing = () => source !== undefined;
export const place = () => (source ? context.currentTime - started : 0);

export function stop() {
  if (source) { source.onended = null; source.stop(); source = undefined; }
}

export function play(sound, gain, from = 0, ended = () => {}) {
  open().resume();
  stop();
  const buffer = context.createBuffer(1, sound.x.length, sound.rate), level = context.createGain();
  buffer.copyToChannel(sound.x, 0);
  level.gain.value = gain;
  source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(level).connect(context.destination);
  const offset = from < buffer.duration ? from : 0;
  source.start(0, offset);
  started = context.currentTime - offset;
  source.onended = () => { source = undefined; ended(); };
}
