// hands on what the microphone hears, first channel
registerProcessor("capture", class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
});
