"""The slider: there for a reader in JupyterLab, not for a stage."""

from tts_lib.plots import interactive


def test_a_reader_moves_it_and_a_stage_leaves_it_out(monkeypatch):
    displayed = []
    monkeypatch.setattr(interactive, "display", displayed.append)
    monkeypatch.delenv("TTS_STAGE", raising=False)
    interactive.slider(lambda budget: f"at {budget}", [1, 2, 4])
    widget = displayed[-1]
    slider = widget.children[0]
    assert slider.options == (1, 2, 4) and slider.value == 4
    slider.value = 2
    widget.update()
    assert displayed[-1] == "at 2"
    displayed.clear()
    monkeypatch.setenv("TTS_STAGE", "1")
    interactive.slider(lambda budget: f"at {budget}", [1, 2, 4])
    assert displayed == []
