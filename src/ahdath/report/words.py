"""What the report says, in Arabic and in English."""

from __future__ import annotations

from collections.abc import Mapping

from ahdath.render.marks import Names

__all__ = ["WORDS"]

WORDS: Mapping[Names, Mapping[str, str]] = {
    "ar": {
        "title": "تقرير ahdath", "about": "عدد الفقرات {paragraphs}. الأرقام بالمئة والأطراف بحدودها المضبوطة ما لم يُذكر غير ذلك.",
        "bootstrap": "فترات الثقة 95 % بإعادة المعاينة، عدد العينات {bootstrap} (البذرة {seed}).",
        "scores": "النتائج", "measure": "المقياس", "gold": "المرجع", "predicted": "المتوقع", "correct": "الصحيح",
        "precision": "الضبط", "recall": "الاستدعاء", "f1": "F1", "interval": "فترة الثقة", "macro": "متوسط الأنواع",
        "attribute": "صفة الحدث", "accuracy": "الدقة", "n": "العدد",
        "types": "النتائج بحسب النوع", "type": "النوع", "types about": "قيمة F1 لكل نوع حدث، والخط فترة الثقة.",
        "confusion": "الخلط بين الأنواع", "none": "لا شيء", "rarer": "ما ندر من الخلط",
        "confusion about": "الصفوف أنواع المرجع والأعمدة ما توقعه النموذج على اللفظ نفسه؛ الأخضر صواب والأحمر خطأ، واللون نسبة الصف.",
        "calibration": "صدق الاحتمالات", "event": "الأحداث", "argument": "الأطراف", "score": "الاحتمال", "right": "نسبة الصواب",
        "calibration about": "كلما اقتربت النقاط من القطر صدقت الاحتمالات. متوسط الفارق (ECE): {ece} نقطة، عدد التوقعات {n}.",
        "nothing predicted": "لم يُتوقع شيء.", "bin": "المجال",
        "curve": "منحنى التعلم", "curve about": "الوسيط بحسب المقدار، والخط العمودي أدنى قيمة وأعلاها.", "curve name": "المنحنى",
        "median": "الوسيط", "range": "الأدنى–الأعلى",
        "time": "الأحداث عبر الزمن", "time about": "الأحداث المتوقعة بحسب الفترة والنوع، والخط المتقطع كل أحداث المرجع.",
        "period": "الفترة", "all": "الكل", "others": "أنواع أخرى", "gold events": "أحداث المرجع",
        "dates": "وثائق بتاريخ: {dated}، بلا تاريخ: {undated}، بتاريخ لا يُقرأ: {unread}.",
        "no dates": "لا وثيقة بتاريخ في meta.date (بصيغة ISO 8601 مثل 2024-05-17).",
        "alarms": "عدد الإنذارات الكاذبة {events} في الفقرات الخالية من الأحداث، وعددها {paragraphs}.",
    },
    "en": {
        "title": "ahdath report", "about": "{paragraphs} paragraphs. Percent; exact spans unless said otherwise.",
        "bootstrap": "95 % intervals by {bootstrap} bootstrap samples (seed {seed}).",
        "scores": "Scores", "measure": "Measure", "gold": "Gold", "predicted": "Predicted", "correct": "Correct",
        "precision": "P", "recall": "R", "f1": "F1", "interval": "95 % interval", "macro": "macro",
        "attribute": "Attribute", "accuracy": "accuracy", "n": "n",
        "types": "Scores by type", "type": "Type", "types about": "F1 of every event type; the line is the interval.",
        "confusion": "Confusion of event types", "none": "none", "rarer": "Rarer confusions",
        "confusion about": "Rows are gold types, columns what was predicted on the same trigger; green is right, red is wrong, "
        "the colour is the share of the row.",
        "calibration": "Calibration", "event": "Events", "argument": "Arguments", "score": "Score", "right": "Right",
        "calibration about": "The nearer to the diagonal, the more honest the scores. Mean gap (ECE): {ece} points, n = {n}.",
        "nothing predicted": "Nothing was predicted.", "bin": "Bin",
        "curve": "Learning curve", "curve about": "Median by amount; the upright line is lowest to highest.", "curve name": "Curve",
        "median": "Median", "range": "Lowest–highest",
        "time": "Events over time", "time about": "Predicted events by period and type; the dashed line is all gold events.",
        "period": "Period", "all": "all", "others": "other types", "gold events": "gold events",
        "dates": "Documents with a date: {dated}; without: {undated}; with one that cannot be read: {unread}.",
        "no dates": "No document has a date in meta.date (ISO 8601, such as 2024-05-17).",
        "alarms": "False alarms: {events} events in {paragraphs} paragraphs without any.",
    },
}  # fmt: skip
"""Places in braces are filled by the page."""
