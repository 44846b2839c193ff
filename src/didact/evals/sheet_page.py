"""The page of a blind sheet: one file that works offline, keeps what was chosen, and hands it over as JSON."""

from collections.abc import Mapping, Sequence
from html import escape

from didact.evals.levels import LEVELS

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem}
header{position:sticky;top:0;background:Canvas;border-bottom:1px solid GrayText;padding:.5rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.25rem 0}
section{border-top:2px solid GrayText;margin-top:2rem}
fieldset{border:1px solid GrayText;margin:1rem 0;padding:.5rem 1rem}
fieldset.rated{border-width:3px}
label{margin-right:1rem;white-space:nowrap}
.reference{border-left:3px solid GrayText;padding-left:.75rem}
input[type=text]{width:100%;box-sizing:border-box}
"""
# What was chosen is kept under the sheet's number, so that a reload or another day loses nothing; where a browser forbids that, the page
# still works and only its download keeps anything.
_SCRIPT = """
const sheet=document.body.dataset.sheet,total=Number(document.body.dataset.rows),form=document.forms[0];
const name='didact sheet '+sheet;
function found(){const ratings={},notes={};for(const one of form.elements){
if(one.type==='radio'&&one.checked)ratings[one.name]=one.value;
if(one.dataset.note&&one.value)notes[one.dataset.note]=one.value}
return{sheet,rater:document.getElementById('rater').value.trim(),ratings,notes}}
function show(){const now=found(),number=Object.keys(now.ratings).length;
document.getElementById('told').textContent=number+' of '+total+' rated';
for(const box of document.querySelectorAll('fieldset[data-row]'))box.classList.toggle('rated',box.dataset.row in now.ratings);
try{localStorage.setItem(name,JSON.stringify(now))}catch(error){}}
try{const kept=JSON.parse(localStorage.getItem(name)||'null');if(kept){document.getElementById('rater').value=kept.rater||'';
for(const one of form.elements){if(one.type==='radio')one.checked=kept.ratings[one.name]===one.value;
if(one.dataset.note)one.value=(kept.notes||{})[one.dataset.note]||''}}}catch(error){}
form.addEventListener('input',show);document.getElementById('rater').addEventListener('input',show);
form.addEventListener('submit',event=>event.preventDefault());
document.getElementById('next').addEventListener('click',()=>{const open=document.querySelector('fieldset[data-row]:not(.rated)');
if(open){open.scrollIntoView({block:'center'});open.querySelector('input').focus({preventScroll:true})}});
document.getElementById('save').addEventListener('click',()=>{const now=found(),link=document.createElement('a');
link.href=URL.createObjectURL(new Blob([JSON.stringify(now,null,1)],{type:'application/json'}));
link.download=(now.rater.replace(/[^A-Za-z0-9_-]+/g,'_')||'ratings')+'.json';link.click()});
show();
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(rows: Sequence[Mapping[str, str]]) -> str:
    """Returns the page of a sheet: it loads nothing, and everything that is not ours is escaped.

    Args:
        rows: A sheet's rows, those to one question beside one another.

    >>> text = page([{"sheet": "1", "row": "001a", "question": "<b>?", "reference": "", "answer": "</pre><script>"}])
    >>> "&lt;b&gt;?" in text, "</pre><script>" in text
    (True, False)
    """
    parts, before = list[str](), ""
    for row in rows:
        number = row["row"][:-1]
        if number != before:
            parts += ["</section>"] if before else []
            parts.append(f"<section><h2>Question {int(number)}</h2><pre>{escape(row['question'])}</pre>")
            if row["reference"]:
                parts.append(f'<details><summary>A good answer</summary><pre class="reference">{escape(row["reference"])}</pre></details>')
            before = number
        parts.append(_row(row))
    parts += ["</section>"] if before else []
    levels = "".join(f"<dt>{level}</dt><dd>{escape(meaning)}</dd>" for level, meaning in LEVELS.items())
    sheet = escape(rows[0]["sheet"]) if rows else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>Blind sheet {sheet}</title><style>{_STYLE}</style></head>
<body data-sheet="{sheet}" data-rows="{len(rows)}">
<h1>Rate each answer from A to D</h1><p>Who wrote what is hidden, and the order is drawn anew for each question.</p><dl>{levels}</dl>
<header><label>Your name <input id="rater" autocomplete="name"></label> <span id="told" role="status"></span>
<button type="button" id="next">Next without a rating</button> <button type="button" id="save">Download the ratings</button></header>
<form>{"".join(parts)}</form><script>{_SCRIPT}</script></body></html>
"""


def _row(row: Mapping[str, str]) -> str:
    name = escape(row["row"])
    radios = "".join(f'<label><input type="radio" name="{name}" value="{level}"> {level}</label>' for level in LEVELS)
    return (
        f'<fieldset data-row="{name}"><legend>Answer {name}</legend><pre>{escape(row["answer"]) or "<em>(empty)</em>"}</pre>{radios}'
        f'<input type="text" data-note="{name}" aria-label="Note about {name}" placeholder="note"></fieldset>'
    )
