"""Entry point: `uvicorn main:app`, or `python main.py`."""

import uvicorn

from env.server import create_app

app = create_app()

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=7860)
