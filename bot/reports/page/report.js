// Shows only the wrong sentences with the words that are typed.
const words = document.getElementById("words");
const rows = Array.from(document.querySelectorAll("#wrong tbody tr"));

function show() {
  const wanted = words.value.toLowerCase();
  rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
  const left = rows.filter((row) => !row.hidden).length;
  document.getElementById("shown").textContent = `${left} of ${rows.length}`;
}

if (words) {
  document.querySelector(".filter").hidden = false;
  words.addEventListener("input", show);
  show();
}
