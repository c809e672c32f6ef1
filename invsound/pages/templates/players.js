// one sound at a time, with a line that moves over its spectrogram
for (const sound of document.querySelectorAll(".sound")) {
  const audio = sound.querySelector("audio"), head = sound.querySelector(".playhead");
  const follow = () => {
    const place = audio.currentTime / audio.duration || 0;
    head.setAttribute("transform", `translate(${place * head.dataset.width})`);
    head.classList.toggle("on", place > 0 && place < 1);
    if (!audio.paused) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    follow();
  });
  for (const event of ["seeked", "pause", "ended"]) audio.addEventListener(event, follow);
}
// B: the other sound of the pair that plays, or played last, from the same moment on
let last = document.querySelector(".pair audio");
for (const audio of document.querySelectorAll(".pair audio")) audio.addEventListener("play", () => { last = audio; });
document.addEventListener("keydown", event => {
  if (event.key.toLowerCase() !== "b" || event.ctrlKey || event.metaKey || event.altKey || !last) return;
  const pair = [...last.closest(".pair").querySelectorAll("audio")];
  const other = pair[(pair.indexOf(last) + 1) % pair.length];
  other.currentTime = last.ended ? 0 : last.currentTime;
  other.play();
});
