"""All slots as one service: watching over them, replacing them, ending them."""
