"""Steps of the life of a model, such as prepare, train, evaluate and predict; each reads finished results and writes one."""
