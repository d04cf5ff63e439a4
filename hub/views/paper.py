"""The style of printed pages: A3 across, one event type after another, heads and feet of tables on every sheet.

Rule kept: black on white or on pale grey and blue (contrast at least 7:1, WCAG 1.4.6); no meaning in colour alone.
"""

from __future__ import annotations

A3 = """
@page { size: A3 landscape; margin: 9mm 9mm 12mm; }
* { box-sizing: border-box; }
html {
  font: 7.4pt/1.28 "Noto Sans", "Segoe UI", "DejaVu Sans Condensed", "DejaVu Sans", Arial, sans-serif;
  color: #000; background: #fff; -webkit-print-color-adjust: exact; print-color-adjust: exact;
}
body { margin: 0 auto; max-width: 402mm; }
[lang=en] { color: #2b2b2b; font-style: italic; }
h1 { font-size: 19pt; line-height: 1.2; margin: 0 0 2mm; }
h2 { font-size: 11pt; margin: 5mm 0 1.5mm; break-after: avoid; }
p { margin: 0; }
code, .code { font-family: "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace; }
code { font-size: 0.92em; overflow-wrap: anywhere; }
.lead { font-size: 9.5pt; max-width: 300mm; }
.front { font-size: 8.5pt; }
.contents { columns: 3; column-gap: 8mm; margin: 0; font-size: 8.5pt; }
a { color: #000; }
.sides { display: grid; grid-template-columns: 1fr 1fr; column-gap: 12mm; }
table { border-collapse: collapse; width: calc(100% - 0.4mm); }
th, td { border: 0.3mm solid #444; padding: 1mm 1.2mm; text-align: left; vertical-align: top; }
th, td { overflow-wrap: break-word; }
th { background: #e9edf2; font-weight: normal; }
caption { text-align: left; font-size: 15pt; font-weight: bold; padding: 0 0 2mm; }
caption [lang=en] { font-weight: normal; }
.facts th { width: 62mm; }
.type { break-before: page; margin-top: 10mm; }
.matrix { table-layout: fixed; }
.matrix thead { display: table-header-group; }
.matrix tfoot { display: table-footer-group; }
.matrix tfoot td { background: #fff; font-size: 6.8pt; }
.matrix tr { break-inside: avoid; }
.matrix .group { width: 58mm; }
.matrix .others { width: 34mm; }
.wide { font-size: 6.3pt; line-height: 1.22; }
.wide .group { width: 46mm; }
.wide .others { width: 18mm; }
.wide th, .wide td { padding: 0.7mm; }
th ul { margin: 1mm 0 0; padding: 0 0 0 3mm; }
.if { margin-top: 0.6mm; }
.mark { font-weight: bold; }
.mark [lang=en], .others .codes { font-weight: normal; }
.front th, .front td { padding: 0.6mm 1.2mm; }
.codes { display: block; margin-top: 1mm; }
.given { background: #fff; }
.generalised { background: #e6effa; }
.withheld, .does-not-learn { background: #f1f1f1; }
.entry + .entry { border-top: 0.3mm solid #444; margin: 1mm -1.2mm 0; padding: 1mm 1.2mm 0; }
.entry.unconfirmed { border-left: 1mm dashed #000; padding-left: 1mm; }
.entry.proposal { border: 0.5mm dotted #000; padding: 0.6mm; }
.badge { display: inline-block; border: 0.4mm solid #000; padding: 0 0.8mm; margin: 0.4mm 0; background: #fff; }
.badge.waived { border-style: double; border-width: 0.9mm; }
.badge [lang=en] { font-weight: normal; }
.warning { border: 0.8mm solid #000; padding: 2mm 3mm; margin: 3mm 0; font-size: 9.5pt; }
.signatures { break-inside: avoid; margin-top: 8mm; }
.signed th { width: 22%; }
.signed td { height: 16mm; }
.front td code, .front a { white-space: nowrap; }
.legend td { padding: 0.4mm 1.2mm; }
.legend td:first-child { width: 12mm; text-align: center; font-size: 11pt; }
@media screen {
  body { padding: 8mm; }
  .matrix thead th { position: sticky; top: 0; }
}
"""
"""One style sheet, to stand inside the page."""

FOOTER = """
@page {{
  @bottom-left {{ content: "SHA-256 {digest}"; font: 7pt monospace; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font: 8pt sans-serif; }}
}}
"""
"""What stands at the foot of every sheet, so that each can be told to belong: the digest (hex) and its number."""
