"""The paper's figures, redrawn from this study's tables, with the values printed in the paper beside them."""
