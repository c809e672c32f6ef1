// level over time and log frequency, 80 dB deep, as the reports draw it; and the difference of two
const SIZE = 2048, ROWS = 110, COLUMNS = 220, DEPTH = 80;
const INK = ["#f4f1e8", "#d3dbcf", "#93b4b8", "#4c7f9e", "#24477a", "#101b3c"], TWO = ["#24577f", "#9fbfd6", "#f4f1e8", "#e5b59c", "#ae4a24"];
const cosine = new Float32Array(SIZE / 2), sine = new Float32Array(SIZE / 2), hann = new Float32Array(SIZE), reversed = new Uint16Array(SIZE);
for (let k = 0; k < SIZE; k++) {
  hann[k] = 0.5 - 0.5 * Math.cos(2 * Math.PI * k / SIZE);
  reversed[k] = (reversed[k >> 1] >> 1) | ((k & 1) * SIZE / 2);
  if (k < SIZE / 2) { cosine[k] = Math.cos(2 * Math.PI * k / SIZE); sine[k] = -Math.sin(2 * Math.PI * k / SIZE); }
}

function fourier(re, im) {
  for (let width = 1; width < SIZE; width *= 2) {
    const stride = SIZE / 2 / width;
    for (let start = 0; start < SIZE; start += 2 * width) {
      for (let k = 0; k < width; k++) {
        const a = start + k, b = a + width, c = cosine[k * stride], s = sine[k * stride];
        const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x; im[b] = im[a] - y; re[a] += x; im[a] += y;
      }
    }
  }
}

// dB [COLUMNS × ROWS] of x, lowest row first; each row the loudest bin that it covers
export function spectrogram(x, rate) {
  const levels = new Float32Array(COLUMNS * ROWS), re = new Float32Array(SIZE), im = new Float32Array(SIZE);
  const low = Math.min(40, rate / 64), bin = row => low * (rate / 2 / low) ** (row / (ROWS - 1)) / rate * SIZE;
  for (let column = 0; column < COLUMNS; column++) {
    const begin = Math.round(column / COLUMNS * x.length) - SIZE / 2;
    im.fill(0);
    for (let k = 0; k < SIZE; k++) re[reversed[k]] = (x[begin + k] ?? 0) * hann[k];
    fourier(re, im);
    for (let row = 0; row < ROWS; row++) {
      const first = Math.min(Math.round(bin(row)), SIZE / 2 - 1), last = Math.max(first, Math.min(Math.round(bin(row + 1)) - 1, SIZE / 2 - 1));
      let power = 0;
      for (let k = first; k <= last; k++) power = Math.max(power, re[k] ** 2 + im[k] ** 2);
      levels[column * ROWS + row] = 10 * Math.log10(power + 1e-12);
    }
  }
  return levels;
}

export const loudest = levels => levels.reduce((most, v) => Math.max(most, v), -120);

const rgb = colour => [1, 3, 5].map(k => parseInt(colour.slice(k, k + 2), 16));
function mixed(colours, share) {
  const at = Math.min(Math.max(share, 0), 1) * (colours.length - 1), k = Math.min(Math.floor(at), colours.length - 2);
  const [a, b] = [rgb(colours[k]), rgb(colours[k + 1])];
  return a.map((v, i) => v + (at - k) * (b[i] - v));
}
const table = colours => Array.from({ length: 256 }, (_, k) => mixed(colours, k / 255));
const ink = table(INK), two = table(TWO);

function paint(canvas, shade, colours) {
  const picture = new ImageData(COLUMNS, ROWS);
  for (let column = 0; column < COLUMNS; column++) for (let row = 0; row < ROWS; row++) {
    const share = shade(column * ROWS + row), [r, g, b] = colours[Math.round(255 * Math.min(Math.max(share, 0), 1))];
    picture.data.set([r, g, b, 255], 4 * ((ROWS - 1 - row) * COLUMNS + column));
  }
  const small = new OffscreenCanvas(COLUMNS, ROWS);
  small.getContext("2d").putImageData(picture, 0, 0);
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
}

export const draw = (canvas, levels, top) => paint(canvas, k => 1 + (levels[k] - top) / DEPTH, ink);
// red where the second is louder, by up to 30 dB, of what is heard at all
export function drawDifference(canvas, a, b, top) {
  const floor = v => Math.max(v, top - DEPTH);
  paint(canvas, k => 0.5 + (floor(b[k]) - floor(a[k])) / 60, two);
}
