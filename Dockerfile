# Airflow's official image with Concord and its hashed dependencies.
FROM apache/airflow:3.3.2-python3.12

COPY --chown=airflow:root requirements.image.lock /opt/airflow/
RUN pip install --no-cache-dir --require-hashes --requirement /opt/airflow/requirements.image.lock

COPY --chown=airflow:root pyproject.toml README.md /opt/airflow/
COPY --chown=airflow:root include /opt/airflow/include
# Editable, so that a mounted include/ takes the place of the copied one.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable /opt/airflow

COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root plugins /opt/airflow/plugins
