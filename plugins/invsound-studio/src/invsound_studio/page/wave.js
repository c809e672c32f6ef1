// sounds as files: WAV of 32-bit floats, and what a microphone hears
export function wav(x, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 4 * x.length)), text = (at, word) => [...word].forEach((c, k) => bytes.setUint8(at + k, c.charCodeAt(0)));
  text(0, "RIFF"); bytes.setUint32(4, 36 + 4 * x.length, true); text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true); bytes.setUint16(20, 3, true); bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true); bytes.setUint32(28, 4 * rate, true); bytes.setUint16(32, 4, true); bytes.setUint16(34, 32, true);
  text(36, "data"); bytes.setUint32(40, 4 * x.length, true);
  x.forEach((v, k) => bytes.setFloat32(44 + 4 * k, v, true));
  return new Blob([bytes], { type: "audio/wav" });
}

export function keep(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
}

// begins to record; the promise is of a function that ends it and gives the file
export async function record() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const context = new AudioContext(), blocks = [];
  await context.audioWorklet.addModule("/page/capture.js");
  const node = new AudioWorkletNode(context, "capture");
  node.port.onmessage = ({ data }) => blocks.push(data);
  context.createMediaStreamSource(stream).connect(node);
  return async () => {
    stream.getTracks().forEach(track => track.stop());
    const rate = context.sampleRate, x = new Float32Array(blocks.reduce((n, b) => n + b.length, 0));
    blocks.reduce((at, block) => { x.set(block, at); return at + block.length; }, 0);
    await context.close();
    return wav(x, rate);
  };
}
