// lines on a canvas, in the colours of the page
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function waveform(canvas, peaks, begin, end) {
  const g = canvas.getContext("2d"), { width, height } = canvas, most = peaks.reduce((m, [a, b]) => Math.max(m, -a, b), 1e-6);
  g.clearRect(0, 0, width, height);
  peaks.forEach(([low, high], k) => {
    const x = k / peaks.length;
    g.fillStyle = colour(x >= begin && x < end ? "--blue" : "--rule");
    const top = height / 2 * (1 - high / most), bottom = height / 2 * (1 - low / most);
    g.fillRect(x * width, top, Math.max(1, width / peaks.length - 0.5), Math.max(1, bottom - top));
  });
}

// the distance of the nearest sound over seconds, as steps, on a log axis where nothing is zero
export function curve(canvas, points) {
  const g = canvas.getContext("2d"), { width, height } = canvas;
  g.clearRect(0, 0, width, height);
  if (!points.length) return;
  const last = Math.max(points.at(-1)[0], 1), values = points.map(([, d]) => Math.log(Math.max(d, 1e-9)));
  const [low, high] = [Math.min(...values), Math.max(...values)], y = v => 8 + (height - 16) * (1 - (v - low) / Math.max(high - low, 1e-6));
  g.strokeStyle = colour("--blue");
  g.lineWidth = 3;
  g.beginPath();
  points.forEach(([seconds], k) => {
    const x = 4 + (width - 8) * seconds / last;
    if (k) g.lineTo(x, y(values[k - 1]));
    g[k ? "lineTo" : "moveTo"](x, y(values[k]));
  });
  g.stroke();
}
